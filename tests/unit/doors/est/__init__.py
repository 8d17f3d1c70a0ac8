"""Unit tests of what devices send to the EST door, and what they are answered."""
