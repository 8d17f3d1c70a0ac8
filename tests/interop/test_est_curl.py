"""curl and openssl speak EST to the desk, as docs/doors.md shows it."""

import json
from pathlib import Path

import pytest
from cryptography import x509

from tests.e2e.server import PASSPHRASE
from tests.interop.protocol_desk import WRONG_CODE, ProtocolDesk, run


class Curl:
    """A device that has openssl and curl."""

    def __init__(self, folder: Path, desk: ProtocolDesk, name: str, place: str = "FRA1") -> None:
        self.folder = folder
        self.desk = desk
        self.place = place
        self.new_csr(name)

    def new_csr(self, name: str, key: str = "key.pem") -> None:
        """Make a CSR with a common name and, if it is not there yet, its key."""
        if not (self.folder / key).exists():
            run(self.folder, *("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key))
        subject = ("-subj", f"/CN={name}")
        run(self.folder, *("openssl", "req", "-new", "-key", key, *subject, "-outform", "DER", "-out", "csr.der"))
        run(self.folder, "openssl", "base64", "-in", "csr.der", "-out", "csr.b64")

    def post(self, operation: str = "simpleenroll", *options: str) -> tuple[int, bytes, dict[str, str]]:
        """Send the CSR, and return the status, the body and the headers."""
        done = run(
            self.folder,
            *("curl", "-sS", "--cacert", str(self.desk.root), "-o", "body", "-w", "%{http_code} %{header_json}"),
            *("-H", "Content-Type: application/pkcs10", "--data-binary", "@csr.b64", *options),
            f"{self.desk.est(self.place)}/{operation}",
        )
        status, headers = done.stdout.decode().split(" ", 1)
        body = self.folder / "body"
        octets = body.read_bytes() if body.exists() else b""
        body.unlink(missing_ok=True)
        return int(status), octets, {name: values[0] for name, values in json.loads(headers).items()}

    def certificate(self, body: bytes) -> x509.Certificate:
        """Return the certificate in an answer, as openssl reads it."""
        (self.folder / "body.b64").write_bytes(body)
        run(self.folder, "openssl", "base64", "-d", "-A", "-in", "body.b64", "-out", "body.p7")
        run(self.folder, "openssl pkcs7 -inform DER -in body.p7 -print_certs -out cert.pem")
        return x509.load_pem_x509_certificate((self.folder / "cert.pem").read_bytes())


@pytest.fixture
def curl(tmp_path: Path, protocol_desk: ProtocolDesk) -> Curl:
    """Return a device with a new key."""
    return Curl(tmp_path, protocol_desk, f"curl-{tmp_path.name}")


def request_of(curl: Curl, name: str) -> str:
    """Return the ID of the request of a device that waits."""
    [found] = [each["id"] for each in curl.desk.waiting(curl.place[:4]) if each["device"]["id"] == name]
    return str(found)


def test_curl_waits_collects_and_renews(curl: Curl, tmp_path: Path) -> None:
    """202 while it waits, its certificate once approved, and by TLS with that certificate the next one."""
    status, body, headers = curl.post()
    assert (status, body, headers["retry-after"]) == (202, b"", "1")
    issued = curl.desk.approve(request_of(curl, f"curl-{tmp_path.name}"))
    status, body, _ = curl.post()
    assert status == 200
    assert curl.certificate(body) == issued
    run(tmp_path, "openssl", "verify", "-CAfile", str(curl.desk.root), "-untrusted", _issuing(curl), "cert.pem")
    run(tmp_path, "cp", "cert.pem", "old.pem")
    curl.new_csr("other", key="new.pem")
    renewal = ("simplereenroll", "--cert", "old.pem", "--key", "key.pem")
    status, body, _ = curl.post(*renewal)
    assert status == 200
    renewed = curl.certificate(body)
    assert renewed.subject == issued.subject
    assert curl.post(*renewal)[1] == body
    curl.desk.revoke(renewed)
    run(tmp_path, "cp", "cert.pem", "new-cert.pem")
    status, body, _ = curl.post("simplereenroll", "--cert", "new-cert.pem", "--key", "new.pem")
    assert (status, body) == (403, b"this certificate was revoked: make a new request\n")


def _issuing(curl: Curl) -> str:
    run(
        curl.folder,
        *("curl", "-sS", "--cacert", str(curl.desk.root), "-o", "ca.b64", f"{curl.desk.est()}/cacerts"),
    )
    run(curl.folder, "openssl", "base64", "-d", "-A", "-in", "ca.b64", "-out", "ca.p7")
    run(curl.folder, "openssl pkcs7 -inform DER -in ca.p7 -print_certs -out ca.pem")
    return "ca.pem"


def test_curl_asks_for_something_else(curl: Curl, tmp_path: Path) -> None:
    """With the same key, another place takes the place of what waits, and another device's name is refused."""
    name = f"curl-{tmp_path.name}"
    curl.post()
    first = request_of(curl, name)
    curl.new_csr(f"{name}/L=Lyon")
    assert curl.post()[0] == 202
    assert request_of(curl, name) != first
    curl.new_csr("somebody else")
    status, body, _ = curl.post()
    assert (status, body) == (409, b"this key is already used elsewhere: make a new one\n")


def test_curl_is_told_of_a_rejection(curl: Curl, tmp_path: Path) -> None:
    """The manager's reason arrives as text."""
    curl.post()
    request_id = request_of(curl, f"curl-{tmp_path.name}")
    curl.desk.reject(request_id, "nobody ordered this printer")
    status, body, headers = curl.post()
    assert (status, headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert body.decode() == f"request {request_id} was rejected: nobody ordered this printer\n"


def test_curl_with_a_code_is_enrolled_at_once(curl: Curl) -> None:
    """A code by HTTP Basic gets the certificate in one call; a wrong one gets an empty 401."""
    status, body, headers = curl.post("simpleenroll", "-u", f"printer:{WRONG_CODE}")
    assert (status, body) == (401, b"")
    assert headers["www-authenticate"].startswith("Basic")
    status, body, _ = curl.post("simpleenroll", "-u", f"printer:{curl.desk.code()}")
    assert status == 200
    curl.certificate(body)


def test_curl_negotiates_a_code_where_it_is_asked_for(tmp_path: Path, protocol_desk: ProtocolDesk) -> None:
    """Where a code is required, a stranger gets 401, and a client that waits for the challenge answers it."""
    curl = Curl(tmp_path, protocol_desk, "stranger", "DEU1")
    assert curl.post()[:2] == (401, b"")
    status, body, _ = curl.post("simpleenroll", "--anyauth", "-u", f"x:{protocol_desk.code('DEU1')}")
    assert status == 200, body
    curl.certificate(body)


def test_curl_does_not_get_through_tls_with_another_certificate(curl: Curl) -> None:
    """Of another CA's certificate, an expired one and one that TLS accepts, the door sees the last only."""
    root_key = ("-in", str(curl.desk.server.data / "keys" / "root.pem"), "-passin", f"pass:{PASSPHRASE}")
    run(curl.folder, "openssl", "pkey", *root_key, "-out", "root.key")
    by_root = ("-CA", str(curl.desk.root), "-CAkey", "root.key", "-days")
    answers = []
    for signer in (("-signkey", "key.pem", "-days", "30"), (*by_root, "-1"), (*by_root, "30")):
        run(curl.folder, *("openssl", "x509", "-req", "-inform", "DER", "-in", "csr.der", "-out", "other.pem"), *signer)
        called = ("curl", "-sS", "-w", "%{http_code}", "--cacert", str(curl.desk.root))
        sent = ("-H", "Content-Type: application/pkcs10", "--data-binary", "@csr.b64")
        identity = ("--cert", "other.pem", "--key", "key.pem")
        done = run(curl.folder, *called, *identity, *sent, f"{curl.desk.est()}/simplereenroll", status=None)
        answers.append(done.stdout.decode())
    assert answers == ["000", "000", "401"]


def test_curl_gets_a_key_made(curl: Curl) -> None:
    """The operation serverkeygen answers with a key that openssl reads, and a certificate for it."""
    vouched = ("serverkeygen", "-u", f"printer:{curl.desk.code()}")
    status, body, headers = curl.post(*vouched)
    assert status == 200, body
    assert curl.post(*vouched)[0] == 401
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    key, certificate = (part.partition(b"\r\n\r\n")[2].strip() for part in body.split(b"--" + boundary)[1:3])
    (curl.folder / "key.b64").write_bytes(key)
    run(curl.folder, "openssl base64 -d -A -in key.b64 -out made.der")
    public = run(curl.folder, "openssl pkey -inform DER -in made.der -pubout").stdout
    curl.certificate(certificate)
    assert run(curl.folder, "openssl x509 -in cert.pem -noout -pubkey").stdout == public


def test_openssl_reads_what_the_desk_wants_in_a_csr(curl: Curl) -> None:
    """What csrattrs says is DER that names a curve."""
    run(
        curl.folder,
        *("curl", "-sS", "--cacert", str(curl.desk.root), "-o", "attrs.b64", f"{curl.desk.est()}/csrattrs"),
    )
    run(curl.folder, "openssl base64 -d -A -in attrs.b64 -out attrs.der")
    said = run(curl.folder, "openssl asn1parse -inform DER -in attrs.der").stdout.decode()
    assert "prime256v1" in said
    assert "ecdsa-with-SHA256" in said
