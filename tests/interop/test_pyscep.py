"""PyScep enrolls at the SCEP door: a client in Python, which believes nobody but CAs that sign with RSA."""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.interop.protocol_desk import WRONG_CODE, Obedient, ProtocolDesk, run

PROGRAM = Path(__file__).with_name("pyscep_device.py")


class PyScep(Obedient):
    """Devices that do what they are told."""

    def __init__(self, desk: ProtocolDesk) -> None:
        self.desk = desk
        # Its libraries use what this Python and its cryptography deprecate.
        super().__init__(sys.executable, "-W", "ignore", str(PROGRAM), desk.scep())

    def certificate(self, *words: str) -> x509.Certificate:
        """Let it do something that gives it a certificate."""
        told = self(*words)
        assert told["status"] == "SUCCESS", told
        return x509.load_pem_x509_certificate(told["certificate"].encode())


@pytest.fixture(scope="module")
def pyscep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PyScep]:
    """Return the client with a desk whose CAs have RSA keys."""
    desk = ProtocolDesk(tmp_path_factory.mktemp("rsa") / "desk", "--root-key=RSA 3072", "--issuing-key=RSA 3072")
    try:
        desk.open()
        with PyScep(desk) as pyscep:
            yield pyscep
    finally:
        desk.server.kill()


def test_it_waits_collects_and_renews(pyscep: PyScep, tmp_path: Path) -> None:
    """It polls until it is approved, renews by a PKCSReq that its certificate signs, and asks for what it has."""
    assert pyscep("enroll", "router-1") == {"status": "PENDING"}
    assert pyscep("poll", "router-1") == {"status": "PENDING"}
    issued = pyscep.desk.approve(pyscep.desk.request_of("router-1"))
    assert pyscep.certificate("poll", "router-1") == issued
    assert pyscep.certificate("get", "router-1") == issued
    renewed = pyscep.certificate("renew", "router-1")
    assert renewed.subject == issued.subject
    assert renewed.public_key() != issued.public_key()
    (tmp_path / "list.der").write_bytes(base64.b64decode(pyscep("list", "router-1")["list"]))
    said = run(tmp_path, "openssl", "crl", "-inform", "DER", "-in", "list.der", "-noout", "-issuer").stdout
    assert b"Universal Post Issuing CA" in said


def test_it_is_told_of_a_rejection(pyscep: PyScep) -> None:
    """A rejection is a failure."""
    assert pyscep("enroll", "router-2") == {"status": "PENDING"}
    pyscep.desk.reject(pyscep.desk.request_of("router-2"), "we have no such router")
    assert pyscep("poll", "router-2") == {"status": "FAILURE", "fail_info": "BadRequest"}


def test_a_code_enrolls_at_once_and_a_wrong_one_does_not(pyscep: PyScep) -> None:
    """The challenge password is an enrollment code."""
    assert pyscep("enroll", "router-3", WRONG_CODE) == {"status": "FAILURE", "fail_info": "BadRequest"}
    pyscep.certificate("enroll", "router-4", pyscep.desk.code())
