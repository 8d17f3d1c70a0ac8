"""An EST server that we did not write, to compare with: GlobalSign's `estserver`, in Go, if it can be built here.

It signs whatever it is sent with a key in memory: it asks for no code, keeps no record and knows no revocation. So it
shows what the protocol and its cryptography cost, over TLS, which it cannot do without.
"""

import contextlib
import datetime as dt
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from ssl import create_default_context

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.postgresql import free_port

NAME = "GlobalSign estserver 1.0.6"
_PACKAGE = "github.com/globalsign/est/cmd/estserver"
_MODULE = Path(__file__).parent / "estserver"
_BUILD_SECONDS = 300
_START_SECONDS = 10


def build(folder: Path) -> Path | None:
    """Build the server from modules that are checked by hash; return None if there is no Go, or no network."""
    program = folder / "estserver"
    if shutil.which("go") is None:
        return None
    command = ["go", "build", "-mod=readonly", "-o", str(program), _PACKAGE]
    environment = os.environ | {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    try:
        subprocess.run(command, cwd=_MODULE, env=environment, check=True, capture_output=True, timeout=_BUILD_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return program


@contextlib.contextmanager
def est_server(program: Path, folder: Path) -> Iterator[str]:
    """Serve EST; yield the URL."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    _write_identity(folder)
    files = {"certificates": "ca.pem", "private_key": "ca.key"}
    tls = {**files, "listen_address": f"127.0.0.1:{port}", "client_cas": ["ca.pem"]}
    (folder / "config.json").write_text(json.dumps({"mock_ca": files, "tls": tls, "timeout": 30, "log_file": "log"}))
    with (folder / "errors").open("wb") as errors:
        server = subprocess.Popen([program, "-config", "config.json"], cwd=folder, stderr=errors)
    try:
        _wait_for(f"https://127.0.0.1:{port}/.well-known/est/cacerts", folder / "ca.pem")
        yield f"https://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _write_identity(folder: Path) -> None:
    """Write a CA that is the server's own certificate as well."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench CA")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - dt.timedelta(1), now + dt.timedelta(1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "ca.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _wait_for(url: str, trusted: Path) -> None:
    context = create_default_context(cafile=str(trusted))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, context=context, timeout=5):
            return
        time.sleep(0.02)
    message = f"{NAME} did not start"
    raise RuntimeError(message)
