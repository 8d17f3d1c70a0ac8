"""Several modules together, with real databases and in-process HTTP."""
