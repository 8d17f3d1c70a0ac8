"""Bytes to values and back: PKCS#10 and settings.xml. No input or output, and nothing is decided here.

The client uses this package too, so it needs only the base dependencies.
"""
