"""The desk's doors: one package per protocol, and beside them what all HTTP doors share.

A door authenticates, decodes, calls one use case of the registration authority and encodes its answer.
It never signs, queries storage or decides policy.
"""
