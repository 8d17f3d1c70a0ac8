"""Unit tests of what turns bytes into values and back."""
