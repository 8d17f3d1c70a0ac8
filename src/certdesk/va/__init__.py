"""The validation authority: OCSP answers and revocation lists, read-only towards everything but its own answers."""
