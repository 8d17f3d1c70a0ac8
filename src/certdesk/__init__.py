"""Certificate enrollment for a federation of organisations."""

__version__ = "0.1.0"
