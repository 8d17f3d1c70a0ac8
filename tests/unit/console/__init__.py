"""The console, without a desk behind it."""
