"""Unit tests of where private keys live."""
