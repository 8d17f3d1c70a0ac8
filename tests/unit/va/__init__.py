"""Unit tests of the validation authority."""
