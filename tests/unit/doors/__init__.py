"""Unit tests of what HTTP doors share, on hand-written fakes."""
