"""Unit tests of what devices send to the SCEP door."""
