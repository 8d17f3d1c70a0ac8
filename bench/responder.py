"""`openssl ocsp` as a responder for the desk's certificates, to compare with."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.desk import PASSPHRASE, Desk
from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.hierarchy import load_hierarchy
from certdesk.ca.signing import Validity
from certdesk.domain.clock import HOUR, MINUTE, system_clock
from certdesk.keys.directory import KeyDirectory
from certdesk.store import Store
from certdesk.wire.spki import spki_of
from tests.postgresql import free_port

_START_SECONDS = 10


def write_index(desk: Desk, path: Path) -> None:
    """Write OpenSSL's index of the desk's certificates."""

    async def certificates(store: Store) -> list[tuple[bytes, int]]:
        rows = await store.database.rows("SELECT serial_number, not_after FROM certificates", {})
        return [(row[0], row[1]) for row in rows]

    lines = [
        f"V\t{_time(not_after)}\t\t{serial.hex().upper()}\tunknown\t/CN={serial.hex()}\n"
        for serial, not_after in desk.with_store(certificates)
    ]
    path.write_text("".join(lines))


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%y%m%d%H%M%SZ}"


@contextlib.contextmanager
def openssl_responder(desk: Desk) -> Iterator[str]:
    """Serve OCSP by `openssl ocsp` with a delegated responder's certificate; yield the URL."""
    folder, port = desk.folder / "openssl", free_port()
    folder.mkdir(exist_ok=True)
    write_index(desk, folder / "index.txt")
    _write_credential(desk, folder)
    issuing = str(desk.data / "ca" / "issuing.pem")
    command = ["openssl", "ocsp", "-port", str(port), "-index", "index.txt", "-CA", issuing]
    command += ["-rsigner", "responder.pem", "-rkey", "responder.key", "-ndays", "1", "-rmd", "sha256"]
    with (folder / "log").open("wb") as log:
        responder = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_for_listening(folder / "log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        responder.terminate()
        responder.wait()


def _write_credential(desk: Desk, folder: Path) -> None:
    keys = KeyDirectory(desk.data / "keys", PASSPHRASE.encode())
    ca = CertificateAuthority(load_hierarchy(keys, desk.data / "ca", "http://127.0.0.1"))
    key, now = ec.generate_private_key(ec.SECP256R1()), system_clock()
    der = asyncio.run(ca.certify_responder(spki_of(key.public_key()), Validity(now - 5 * MINUTE, now + HOUR)))
    (folder / "responder.pem").write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    (folder / "responder.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _wait_for_listening(log: Path) -> None:
    """Wait until it says so: a connection without a request, to try, would keep OpenSSL 3.0 busy forever."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if "waiting for OCSP client connections" in log.read_text():
            return
        time.sleep(0.02)
    message = f"openssl ocsp did not start:\n{log.read_text()}"
    raise RuntimeError(message)
