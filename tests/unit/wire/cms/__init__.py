"""Unit tests of the messages that EST and SCEP are made of."""
