"""Unit tests of the listeners."""
