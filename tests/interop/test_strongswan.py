"""strongSwan's `pki` enrolls at both doors, and asks again by itself until a manager has decided."""

from pathlib import Path

import pytest
from cryptography import x509

from tests.interop.protocol_desk import WRONG_CODE, ProtocolDesk, Waiting, run


class StrongSwan:
    """A gateway with strongSwan's `pki`."""

    def __init__(self, folder: Path, desk: ProtocolDesk) -> None:
        self.folder = folder
        self.desk = desk
        self.name = f"gateway-{folder.name}"

    def key(self, file: str, *kind: str) -> str:
        """Make a key and return its file."""
        pki = run(self.folder, "pki", "--gen", *kind, "--outform", "pem")
        (self.folder / file).write_bytes(pki.stdout)
        return file

    def estca(self, url: str) -> None:
        """Fetch the certificates: `ca.pem` of the root and `ca-1.pem` of the issuing CA."""
        trusted = ("--cacert", str(self.desk.root))
        run(self.folder, "pki", "--estca", "--url", url, *trusted, "--caout", "ca.pem", "--outform", "pem")

    def est(self, url: str, key: str, *options: str) -> tuple[str, ...]:
        """Return the command that enrolls a key."""
        csr = run(self.folder, "pki", "--req", "--in", key, "--dn", f"CN={self.name}", "--outform", "pem")
        (self.folder / f"{key}.csr").write_bytes(csr.stdout)
        trusted = ("--cacert", "ca.pem", "--cacert", "ca-1.pem")
        wait = ("--interval", "1", "--outform", "pem")
        return ("pki", "--est", "--url", url, "--in", f"{key}.csr", *trusted, *wait, *options)

    def scepca(self, organisation: str = "FRA1") -> None:
        """Fetch the certificates: besides those of the CAs, `ra.pem`, which messages are encrypted for."""
        out = ("--caout", "ca.pem", "--raout", "ra.pem", "--outform", "pem")
        run(self.folder, "pki", "--scepca", "--url", self.desk.scep(organisation), *out)

    def scep(self, key: str, *options: str, organisation: str = "FRA1") -> tuple[str, ...]:
        """Return the command that enrolls a key."""
        who = ("--url", self.desk.scep(organisation), "--in", key, "--dn", f"CN={self.name}")
        trusted = ("--cacert-enc", "ra.pem", "--cacert-sig", "ra.pem", "--cacert", "ca.pem", "--cacert", "ca-1.pem")
        return ("pki", "--scep", *who, *trusted, "--interval", "1", "--outform", "pem", *options)

    def approved(self, *command: str) -> x509.Certificate:
        """Return the certificate of a gateway that had to wait for it."""
        with Waiting(self.folder, "cert.pem", *command) as waiting:
            waiting.until_said("pending")
            issued = self.desk.approve(self.desk.request_of(self.name))
            waiting.end()
        assert self.certificate("cert.pem") == issued
        return issued

    def rejected(self, *command: str) -> str:
        """Return what a gateway says that waited in vain."""
        with Waiting(self.folder, "cert.pem", *command) as waiting:
            waiting.until_said("pending")
            self.desk.reject(self.desk.request_of(self.name), "we have no such gateway")
            return waiting.end(status=1)

    def certificate(self, file: str) -> x509.Certificate:
        """Return the certificate in a file, which openssl must trust."""
        run(self.folder, "openssl", "verify", "-CAfile", str(self.desk.root), "-untrusted", "ca-1.pem", file)
        return x509.load_pem_x509_certificate((self.folder / file).read_bytes())


@pytest.fixture
def gateway(tmp_path: Path, protocol_desk: ProtocolDesk) -> StrongSwan:
    """Return a gateway with a name of its own."""
    return StrongSwan(tmp_path, protocol_desk)


def renewed(gateway: StrongSwan, *command: str) -> x509.Certificate:
    """Return the certificate that a gateway got at once."""
    (gateway.folder / "new.pem").write_bytes(run(gateway.folder, *command).stdout)
    return gateway.certificate("new.pem")


def test_est_waits_collects_and_renews(gateway: StrongSwan) -> None:
    """It waits until it is approved, is content with what it gets, and renews by TLS with it and a new key."""
    url = gateway.desk.est()
    gateway.estca(url)
    key = gateway.key("key.pem", "--type", "ecdsa", "--size", "256")
    issued = gateway.approved(*gateway.est(url, key))
    new_key = gateway.key("new-key.pem", "--type", "ecdsa", "--size", "256")
    new = renewed(gateway, *gateway.est(url, new_key, "--cert", "cert.pem", "--key", key))
    assert new.subject == issued.subject
    assert new.public_key() != issued.public_key()


def test_est_tells_of_a_rejection_and_of_a_wrong_code(gateway: StrongSwan) -> None:
    """A rejection is 403, a wrong code 401; with a code of the organisation's there is nothing to wait for.

    The address is the one for clients that put `/.well-known/est` behind what they are given.
    """
    url = f"{gateway.desk.server.url}/est/FRA1"
    gateway.estca(url)
    command = gateway.est(url, gateway.key("key.pem", "--type", "ecdsa", "--size", "256"))
    wrong = run(gateway.folder, *command, "--userpass", f"gateway:{WRONG_CODE}", status=1)
    assert b"EST request failed: HTTP 401" in wrong.stderr
    assert "EST request failed: HTTP 403" in gateway.rejected(*command)
    renewed(gateway, *command, "--userpass", f"gateway:{gateway.desk.code()}")


def test_scep_waits_collects_and_renews(gateway: StrongSwan) -> None:
    """It polls until it is approved, and renews with a message that its certificate signs."""
    gateway.scepca()
    key = gateway.key("key.pem", "--type", "rsa", "--size", "2048")
    issued = gateway.approved(*gateway.scep(key))
    new_key = gateway.key("new-key.pem", "--type", "rsa", "--size", "2048")
    new = renewed(gateway, *gateway.scep(new_key, "--cert", "cert.pem", "--key", key, "--digest", "sha512"))
    assert new.subject == issued.subject
    assert new.public_key() != issued.public_key()


def test_scep_tells_of_a_rejection_and_of_a_wrong_code(gateway: StrongSwan) -> None:
    """Both are failures; with a code of the organisation's there is nothing to wait for."""
    gateway.scepca()
    command = gateway.scep(gateway.key("key.pem", "--type", "rsa", "--size", "2048"))
    wrong = run(gateway.folder, *command, "--password", WRONG_CODE, status=1)
    assert b"failInfo:     badRequest" in wrong.stderr
    assert "failInfo:     badRequest" in gateway.rejected(*command)
    renewed(gateway, *command, "--password", gateway.desk.code())


def test_scep_with_weak_algorithms_needs_the_legacy_rule(gateway: StrongSwan) -> None:
    """Triple DES and SHA-1, in the messages and in the CSR, are refused unless the organisation puts up with them."""
    weak = ("--cipher", "des3", "--digest", "sha1")
    gateway.scepca("USA1")
    key = gateway.key("key.pem", "--type", "rsa", "--size", "2048")
    refused = run(gateway.folder, *gateway.scep(key, *weak), status=1)
    assert b"failInfo:     badAlg" in refused.stderr
    code = gateway.desk.code("USA1")
    renewed(gateway, *gateway.scep(key, *weak, "--password", code, organisation="USA1"))
