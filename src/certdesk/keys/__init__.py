"""Where private keys live: encrypted files in one directory."""
