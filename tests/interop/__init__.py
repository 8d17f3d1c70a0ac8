"""Programs that we did not write have the last word."""
