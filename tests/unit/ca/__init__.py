"""Unit tests of the certificate authority."""
