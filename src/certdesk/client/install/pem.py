"""A directory with PEM files, as servers and command-line programs read them.

certificate.pem   the certificate
chain.pem         the issuing certificates
fullchain.pem     both, as nginx wants them
trust.pem         the trust anchors
key.pem           the private key, 0600; not there when the key lives elsewhere
"""

from pathlib import Path

from certdesk.client.portable import Credential
from certdesk.files import PRIVATE, PUBLIC, make_private_directory, replace_together


def install(credential: Credential, *, directory: Path, plain_key: bool = False) -> list[Path]:
    """Write the files, all of them or none, and return their paths; the key is encrypted unless `plain_key`."""
    make_private_directory(directory)
    certificate, chain = credential.certificate_pem(), credential.chain_pem()
    files = {
        directory / "certificate.pem": certificate,
        directory / "chain.pem": chain,
        directory / "fullchain.pem": certificate + chain,
        directory / "trust.pem": credential.anchors_pem(),
    }
    modes = dict.fromkeys(files, PUBLIC)
    if key := credential.key_pem(plain=plain_key):
        files[directory / "key.pem"] = key
        modes[directory / "key.pem"] = PRIVATE
    replace_together(files, modes=modes)
    return list(files)
