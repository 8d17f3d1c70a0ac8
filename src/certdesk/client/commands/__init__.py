"""What each command does; `certdesk.client.main` has read the command line and shows the errors.

Every function returns the exit code. Loading one of these modules loads cryptography and httpx, which
takes longer than printing `--help`, so `main` imports them when a command runs.
"""
