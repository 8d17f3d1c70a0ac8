"""The certificate authority: profiles, serial numbers, signing, the hierarchy of CAs and revocation lists."""
