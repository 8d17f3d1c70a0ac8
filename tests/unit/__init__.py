"""One module at a time, with hand-written fakes."""
