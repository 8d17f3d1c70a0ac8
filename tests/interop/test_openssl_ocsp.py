"""`openssl ocsp` asks over HTTP and believes the answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certdesk.domain.states import RevocationReason
from certdesk.keys.signer import KeyAlgorithm
from tests.interop.validating_desk import ISSUING_ALGORITHMS, ValidatingDesk


@asynccontextmanager
async def serving(desk: ValidatingDesk) -> AsyncIterator[str]:
    """Answer POST requests over HTTP and yield the URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split()[0])
        der = (await desk.va.ocsp(await reader.readexactly(length))).der
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(der) + der)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def ask(desk: ValidatingDesk, *options: str) -> str:
    """Return what `openssl ocsp` says."""
    async with serving(desk) as url:
        process = await asyncio.create_subprocess_exec(
            *("openssl", "ocsp", "-url", url, "-CAfile", "root.pem", "-verify_other", "issuing.pem"),
            *("-issuer", "issuing.pem", *options),
            cwd=desk.directory,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    return said.decode()


@pytest.fixture(params=ISSUING_ALGORITHMS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> ValidatingDesk:
    """Return a desk with a certificate of each status, and one that was revoked for no special reason."""
    algorithm: KeyAlgorithm = request.param
    desk = ValidatingDesk(tmp_path, algorithm)
    desk.issue_one_of_each_status()
    desk.revoke(desk.issue("quiet"), RevocationReason.UNSPECIFIED)
    return desk


@pytest.mark.parametrize("presigned", [False, True])
@pytest.mark.parametrize("options", [["-no_nonce"], ["-nonce"], ["-no_nonce", "-sha256"]], ids=" ".join)
@pytest.mark.parametrize("status", ["good", "revoked", "superseded", "unknown"])
async def test_each_status_is_told(desk: ValidatingDesk, status: str, options: list[str], *, presigned: bool) -> None:
    """Signed ahead or on demand, with a nonce or without, by SHA-1 or SHA-256, every answer verifies and is right."""
    if presigned:
        await desk.va.presign(100)
    said = await ask(desk, *options, "-cert", f"{status}.pem")
    assert said.startswith("Response verify OK\n")
    assert f"{status}.pem: {'good' if status == 'superseded' else status}\n" in said
    assert ("Reason: keyCompromise\n" in said) is (status == "revoked")
    assert "WARNING" not in said


async def test_several_certificates_at_once(desk: ValidatingDesk) -> None:
    """One request about four certificates gets one answer with all four."""
    names = ["good", "revoked", "superseded", "unknown"]
    said = await ask(desk, *(option for name in names for option in ("-cert", f"{name}.pem")))
    assert said.startswith("Response verify OK\n")
    for name in names:
        assert f"{name}.pem: {'good' if name == 'superseded' else name}\n" in said


async def test_a_revocation_without_a_reason_has_none(desk: ValidatingDesk) -> None:
    """An unspecified reason is left out."""
    said = await ask(desk, "-no_nonce", "-cert", "quiet.pem")
    assert "quiet.pem: revoked\n" in said
    assert "Revocation Time:" in said
    assert "Reason:" not in said


async def test_another_issuer_is_refused(desk: ValidatingDesk) -> None:
    """Asked about a certificate of the root, the responder says that it is not the one to ask."""
    said = await ask(desk, "-issuer", "root.pem", "-cert", "issuing.pem")
    assert "Responder Error: unauthorized (6)" in said
