"""Measure how many devices a second EST and SCEP enroll at once by a code, in ratios to what their cryptography takes.

    .venv/bin/python -m bench.doors            # make bench measures it too
    .venv/bin/python -m bench.doors --write    # and put the table into docs/performance.md

EST is beside another server, where it can be built (`bench.est_server`).
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from bench import est_server, report, wrk
from bench.ceiling import SECONDS, Ceiling
from bench.desk import Desk, stopped_at_the_end
from bench.door_fleet import ARC, SCEPSigner, est_messages
from bench.fleet import ORGANISATION
from certdesk.wire import der
from certdesk.wire.cms import (
    STRONG_CIPHERS,
    STRONG_DIGESTS,
    Cipher,
    Digest,
    parse_certificate,
    parse_enveloped,
    parse_signed,
    signed,
)
from certdesk.wire.cms import enveloped as envelope_of
from tests.postgresql import PostgreSQLCluster

BEGIN = "<!-- begin: python -m bench.doors --write -->"
_DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
_EST, _SCEP = "EST simpleenroll with a code", "SCEP PKCSReq with a code"
_PKCS7 = "MII"
"""How the base64 of every certificate's message begins."""
_SUCCESS = (der.oid(f"{ARC}.3") + bytes.fromhex("3103130130")).decode("utf-8", "surrogateescape")
"""The pkiStatus of an answer that has a certificate."""
_BITS = 3072
"""Of the door's RSA key."""
_CERTIFICATE = bytes(900)


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast something was done once."""

    per_second: float
    ceiling: float
    server_seconds: float = 0.0


@dataclass
class Results:
    """Everything that was measured, by the server's name and what it did."""

    rates: defaultdict[tuple[str, str], list[Rate]] = field(default_factory=lambda: defaultdict(list))


class Ceilings:
    """What one process does at best of the cryptography alone: EST's is that of every certificate."""

    def __init__(self, signer: SCEPSigner) -> None:
        self.certificates = Ceiling()
        self._signer = signer
        self._key = rsa.generate_private_key(65537, _BITS)
        self._device = parse_certificate(signer.certificate)
        self._message = self._answer(self._key.public_key())

    def est(self) -> float:
        """Return how many CSRs are verified and certificates signed."""
        return self.certificates.builder()

    def scep(self) -> float:
        """Return the same with the RSA of a message around each, and its answer's."""
        messages, began = 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < SECONDS:
            message = parse_signed(self._message)
            message.verify(STRONG_DIGESTS)
            envelope = parse_enveloped(message.content)
            envelope.decrypt(self._key, envelope.recipients[0], STRONG_CIPHERS)
            self._answer(self._signer.key.public_key(), self._key)
            messages += 1
        return 1 / (seconds / messages + 1 / self.est())

    def _answer(self, recipient: rsa.RSAPublicKey, key: rsa.RSAPrivateKey | None = None) -> bytes:
        envelope = envelope_of(_CERTIFICATE, recipient, self._device, Cipher.AES_128)
        return signed(envelope, {}, key or self._signer.key, self._device, Digest.SHA256)


@dataclass(frozen=True, slots=True)
class Bench:
    """What one round needs."""

    folder: Path
    devices: int
    connections: int
    signer: SCEPSigner
    ceilings: Ceilings

    def desk(self, desk: Desk, number: int) -> Iterator[tuple[str, Rate]]:
        """Enroll a fleet by each protocol at a desk."""
        name = f"d{number}"
        code = desk.run("code", "add", ORGANISATION, f"--count={2 * self.devices}").strip()
        messages = est_messages(f"{name}e", self.devices, code)
        yield _EST, self._measured(desk, messages, _PKCS7, self.ceilings.est)
        messages = self.signer.messages(f"{name}s", self.devices, code, _scep_recipient(desk))
        yield _SCEP, self._measured(desk, messages, _SUCCESS, self.ceilings.scep)

    def other(self, program: Path) -> Rate:
        """Enroll a fleet at the other server, which asks for no code."""
        messages = est_messages("other", self.devices, "none", "/.well-known/est")
        with est_server.est_server(program, self.folder / "other") as url:
            return self._rate(url, messages, _PKCS7, self.ceilings.est)

    def _measured(self, desk: Desk, messages: list[bytes], marker: str, ceiling: Callable[[], float]) -> Rate:
        used = desk.processor_seconds()
        rate = self._rate(desk.url, messages, marker, ceiling)
        return Rate(rate.per_second, rate.ceiling, (desk.processor_seconds() - used) / len(messages))

    def _rate(self, url: str, messages: list[bytes], marker: str, ceiling: Callable[[], float]) -> Rate:
        path = wrk.write_requests(self.folder / "requests", messages)
        before = ceiling()
        per_second = wrk.replay(wrk.Load(url, path, len(messages), marker=marker), self.connections)
        return Rate(per_second, statistics.mean((before, ceiling())))


def _scep_recipient(desk: Desk) -> bytes:
    """Return the certificate (DER) that messages are encrypted for."""
    with urllib.request.urlopen(f"{desk.url}/scep/{ORGANISATION}?operation=GetCACert") as answer:
        every = load_der_pkcs7_certificates(answer.read())
    [agent] = [each for each in every if isinstance(each.public_key(), rsa.RSAPublicKey)]
    return agent.public_bytes(Encoding.DER)


def main() -> None:
    """Measure how fast devices enroll by EST and SCEP."""
    arguments = _arguments()
    results = Results()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certdesk-bench-")))
        signer = SCEPSigner()
        bench = Bench(folder, arguments.devices, arguments.connections, signer, Ceilings(signer))
        desks = [Desk("SQLite", folder / "sqlite")]
        if "PostgreSQL" in arguments.databases:
            cluster = stack.enter_context(PostgreSQLCluster())
            desks.append(Desk("PostgreSQL", folder / "postgresql", cluster.create_database(), processes=2))
        desks = [desk for desk in desks if desk.name in arguments.databases]
        stack.enter_context(stopped_at_the_end(desks))
        for desk in desks:
            _open(desk)
        _measure(arguments.rounds, bench, desks, results)
    text = markdown(results, arguments)
    print(text)
    if arguments.write:
        report.write(text, _DOCUMENT, BEGIN)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.doors", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write the table into docs/{_DOCUMENT.name}")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--devices", type=int, default=1000, help="how many enroll in each measurement (1000)")
    parser.add_argument("--connections", type=int, default=64, help="at once (64)")
    databases = ["SQLite", "PostgreSQL"]
    parser.add_argument("--databases", nargs="+", default=databases, choices=databases)
    return parser.parse_args()


def _open(desk: Desk) -> None:
    desk.folder.mkdir()
    desk.start()
    desk.register()
    desk.run("organisation", "rules", ORGANISATION, "--rule=approve-vouched")


def _measure(rounds: int, bench: Bench, desks: list[Desk], results: Results) -> None:
    program = est_server.build(bench.folder)
    if program is None:
        _say(f"no comparison with {est_server.NAME}: it takes Go and its modules to build it")
    for number in range(rounds):
        for desk in desks:
            for what, rate in bench.desk(desk, number):
                results.rates[desk.name, what].append(rate)
                _say(f"{desk.name}: {what}: {rate.per_second:,.0f} per second, {rate.per_second / rate.ceiling:.2f}")
        if program is not None:
            rate = bench.other(program)
            results.rates[est_server.NAME, "EST simpleenroll"].append(rate)
            _say(f"{est_server.NAME}: {rate.per_second:,.0f} per second, {rate.per_second / rate.ceiling:.2f}")


def markdown(results: Results, arguments: argparse.Namespace) -> str:
    """Return the table."""
    return "\n".join(_lines(results, arguments))


def _lines(results: Results, arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{arguments.devices:,} devices at {arguments.connections} connections, each with a new key, and one code."
    yield f"Medians of {arguments.rounds} round(s), and in parentheses the least and the most."
    yield ""
    yield "| server | what | per second | ceiling | ratio to it | server's processor time |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for (server, what), rates in results.rates.items():
        spent = statistics.median(each.server_seconds for each in rates) * 1e6
        columns = (
            server,
            what,
            report.spread([each.per_second for each in rates], 0),
            report.spread([each.ceiling for each in rates], 0),
            report.spread([each.per_second / each.ceiling for each in rates], 2),
            f"{spent:,.0f} µs" if spent else "",
        )
        yield f"| {' | '.join(columns)} |"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
