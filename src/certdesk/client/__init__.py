"""The requester's side: makes the key, asks for the certificate, waits, collects, installs, renews.

It imports nothing of Certdesk but `domain` and `wire`, and needs only the distribution's base
dependencies, so it installs on a workstation without the server's.
"""
