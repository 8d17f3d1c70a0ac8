"""The EST client of Bouncy Castle, which Java programs have, enrolls at the EST door."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tests.interop.protocol_desk import WRONG_CODE, Obedient, ProtocolDesk

PROGRAM = Path(__file__).with_name("java") / "BouncyCastleDevice.java"
CLASSES = ":".join(f"/usr/share/java/{jar}.jar" for jar in ("bcpkix", "bcprov", "bcutil"))


class BouncyCastle(Obedient):
    """Devices that do what they are told."""

    def __init__(self, desk: ProtocolDesk, folder: Path) -> None:
        self.desk = desk
        subprocess.run(["javac", "-cp", CLASSES, "-d", str(folder), str(PROGRAM)], check=True)
        server = urlsplit(desk.server.url).netloc
        super().__init__("java", "-cp", f"{CLASSES}:{folder}", PROGRAM.stem, server, str(desk.root))


@pytest.fixture(scope="module")
def bouncycastle(tmp_path_factory: pytest.TempPathFactory, protocol_desk: ProtocolDesk) -> Iterator[BouncyCastle]:
    """Return the client."""
    with BouncyCastle(protocol_desk, tmp_path_factory.mktemp("java")) as bouncycastle:
        yield bouncycastle


def issued_in(told: dict[str, str]) -> x509.Certificate:
    """Return the certificate that a device says it has got."""
    return x509.load_der_x509_certificate(base64.b64decode(told["certificate"]))


def test_it_reads_what_the_desk_publishes(bouncycastle: BouncyCastle) -> None:
    """The certificates of both CAs, and that a key on P-256 and ECDSA with SHA-256 are wanted."""
    subjects = bouncycastle("FRA1", "cacerts")["subjects"]
    assert sorted(subjects) == [f"O=Universal Post,CN=Universal Post {which} CA" for which in ("Issuing", "Root")]
    assert bouncycastle("FRA1", "csrattrs") == {"oids": ["1.2.840.10045.2.1", "1.2.840.10045.4.3.2"]}


def test_it_waits_collects_and_renews(bouncycastle: BouncyCastle) -> None:
    """It takes an empty 202 for what it is, asks again with the same CSR, and renews by TLS with what it got."""
    assert bouncycastle("FRA1", "enroll", "java-1") == {"status": "PENDING", "now": "false"}
    assert bouncycastle("FRA1", "again", "java-1")["status"] == "PENDING"
    issued = bouncycastle.desk.approve(bouncycastle.desk.request_of("java-1"))
    assert issued_in(bouncycastle("FRA1", "again", "java-1")) == issued
    renewed = issued_in(bouncycastle("FRA1", "renew", "java-1"))
    assert renewed.subject == issued.subject
    assert renewed.public_key() != issued.public_key()


def test_it_is_told_why_it_was_rejected(bouncycastle: BouncyCastle) -> None:
    """The reason is in the error's body, word for word."""
    bouncycastle("FRA1", "enroll", "java-2")
    request_id = bouncycastle.desk.request_of("java-2")
    bouncycastle.desk.reject(request_id, "we have no such program")
    text = f"request {request_id} was rejected: we have no such program"
    assert bouncycastle("FRA1", "again", "java-2") == {"status": "403", "text": text}


def test_a_code_enrolls_at_once_and_a_wrong_one_does_not(bouncycastle: BouncyCastle) -> None:
    """It sends its code when it is asked by 401, as at DEU1; a wrong one gets another 401, which has no text."""
    assert bouncycastle("DEU1", "enroll", "java-3", WRONG_CODE) == {"status": "401", "text": ""}
    issued_in(bouncycastle("DEU1", "enroll", "java-3", bouncycastle.desk.code("DEU1")))


def test_it_gets_a_key_made(bouncycastle: BouncyCastle) -> None:
    """The key that comes with the certificate is the certificate's."""
    told = bouncycastle("DEU1", "keygen", "java-4", bouncycastle.desk.code("DEU1"))
    key = load_der_private_key(base64.b64decode(told["key"]), None)
    assert issued_in(told).public_key() == key.public_key()
