"""The page about EST and SCEP: its commands run word for word, and its tables say what the code does."""

import os
import plistlib
import re
import sys
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from certdesk.domain.enrollment import DoorRule
from certdesk.domain.errors import ErrorKind
from certdesk.doors.problems import MEANINGS
from certdesk.doors.scep.app import CAPABILITIES
from certdesk.doors.scep.refusals import FAIL_INFO
from certdesk.wire.scep import FailInfo
from tests.e2e.server import PASSWORD, environment
from tests.interop.protocol_desk import ProtocolDesk, Waiting, run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "doors.md").read_text()
OPTIONS = ("-eu", "-o", "pipefail", "-c")
FAIL_INFO_NAMES = {
    FailInfo.BAD_ALG: "badAlg",
    FailInfo.BAD_MESSAGE_CHECK: "badMessageCheck",
    FailInfo.BAD_REQUEST: "badRequest",
    FailInfo.BAD_TIME: "badTime",
    FailInfo.BAD_CERT_ID: "badCertId",
}


def section(heading: str) -> str:
    """Return what stands below a heading."""
    return re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(heading: str) -> list[str]:
    """Return the blocks of commands below a heading."""
    found = re.findall(r"(?:^ {4}.*\n)+", section(heading), re.MULTILINE)
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in found]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the tables below a heading."""
    return [line.strip("| ").split(" | ") for line in section(heading).splitlines() if line.startswith("| `")]


class Reader:
    """Somebody who follows the page in a shell."""

    def __init__(self, folder: Path, desk: ProtocolDesk) -> None:
        self.folder = folder
        self.desk = desk
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        addresses = {"DESK": desk.server.url, "PKI": desk.server.pki_url}
        self._env = environment() | desk.server.env | addresses | {"PATH": path}

    def run(self, script: str, **variables: str) -> str:
        """Run a block of commands and return what they print; fail if one of them does."""
        return run(self.folder, "bash", *OPTIONS, script, env=self._env | variables).stdout.decode()

    def wait(self, script: str) -> Waiting:
        """Run a block of commands that goes on until a manager decides."""
        return Waiting(self.folder, "printed", "bash", *OPTIONS, script, env=self._env)

    def certificate(self, file: str) -> x509.Certificate:
        """Return the certificate in a file."""
        return x509.load_pem_x509_certificate((self.folder / file).read_bytes())


@pytest.fixture
def reader(tmp_path: Path, protocol_desk: ProtocolDesk) -> Reader:
    """Return somebody with an empty folder."""
    return Reader(tmp_path, protocol_desk)


def test_the_commands_for_est(reader: Reader) -> None:
    """Fetch, ask, wait, collect, enroll another with a code, and renew."""
    fetch, ask, collect, with_code, renew = blocks("EST")
    assert "Fingerprint=" in reader.run(fetch)
    said = reader.run(ask)
    assert said.startswith("HTTP/1.1 202 ")
    assert "\nretry-after: 1" in said
    issued = reader.desk.approve(reader.desk.request_of("printer-7"))
    said = reader.run(collect)
    assert said.startswith("HTTP/1.1 200 ")
    assert said.endswith("cert.pem: OK\n")
    assert reader.certificate("cert.pem") == issued
    assert reader.run(with_code, CODE=reader.desk.code()).startswith("HTTP/1.1 200 ")
    reader.run(renew)
    assert reader.certificate("new-cert.pem").subject == issued.subject


def test_the_commands_for_scep(reader: Reader) -> None:
    """Fetch, ask and wait until a manager has approved, and renew."""
    ask, renew = blocks("SCEP")
    with reader.wait(ask) as waiting:
        waiting.until_said("pending")
        issued = reader.desk.approve(reader.desk.request_of("router-7"))
        waiting.end()
    assert reader.certificate("router.pem") == issued
    reader.run(renew)
    assert reader.certificate("new-router.pem").subject == issued.subject


def test_the_commands_for_codes(reader: Reader) -> None:
    """On the operator's machine, and by the API with a manager's certificate."""
    on_the_desk, by_api = blocks("Enrollment codes")
    assert "Printers of Lyon" in reader.run(on_the_desk)
    reader.run(blocks("EST")[0])
    certificate = ("-in", str(reader.desk.server.folder / "ada.p12"), "-passin", f"pass:{PASSWORD}")
    run(reader.folder, "openssl", "pkcs12", *certificate, "-nodes", "-out", "manager.pem")
    assert "Scanners of Lyon" in reader.run(by_api)


def test_the_commands_for_apple(reader: Reader) -> None:
    """The profile has the code that was posted."""
    reader.run(blocks("EST")[0])
    code = reader.desk.code(kind="mobile")
    plain, with_code = blocks("Apple devices")[0].splitlines()
    reader.run(plain)
    assert "Challenge" not in payload_of(reader.folder)
    reader.run(with_code, CODE=code)
    assert payload_of(reader.folder)["Challenge"] == code


def payload_of(folder: Path) -> dict[str, object]:
    """Return the SCEP payload of the profile in a folder."""
    profile = plistlib.loads((folder / "FRA1.mobileconfig").read_bytes())
    found: dict[str, object] = profile["PayloadContent"][-1]["PayloadContent"]
    return found


def test_the_table_of_errors_is_the_code_s() -> None:
    """Each error kind stands there once, with what either door makes of it."""
    expected = {}
    for kind in ErrorKind:
        fail_info, status = FAIL_INFO[kind], str(MEANINGS[kind].status)
        scep = FAIL_INFO_NAMES[fail_info] if fail_info is not None else f"HTTP {status}"
        expected[f"`{kind}`"] = [status, scep]
    assert {row[0]: row[1:] for row in rows("Errors")} == expected
    assert len(rows("Errors")) == len(expected)


def test_the_table_of_rules_is_complete() -> None:
    """Each rule that an organisation can have stands there."""
    assert [row[0] for row in rows("Enrollment codes")] == [f"`{rule}`" for rule in DoorRule]


def test_the_operations_answer_as_their_tables_say(protocol_desk: ProtocolDesk) -> None:
    """What can be fetched has the media type that stands there, and the capabilities are those that stand there."""
    with protocol_desk.server.device() as device:
        for operation, method, answer in rows("EST"):
            if method == "GET":
                fetched = device.get(f"{protocol_desk.est()}/{operation.strip('`')}")
                assert fetched.headers["content-type"] == media_type_in(answer)
    for operation, _method, answer in rows("SCEP"):
        name = operation.strip("`")
        fetched = httpx.get(protocol_desk.scep(), params={"operation": name}, trust_env=False)
        if name in {"GetCACaps", "GetCACert"}:
            assert fetched.headers["content-type"] == media_type_in(answer)
        else:
            assert fetched.status_code == (404 if name == "GetNextCACert" else 400)
        if name == "GetCACaps":
            assert re.findall(r"`([\w-]+)`", answer.partition(":")[2]) == fetched.text.split() == list(CAPABILITIES)


def media_type_in(answer: str) -> str:
    """Return the media type that a cell names."""
    [found] = re.findall(r"^`([^`]+)`", answer)
    return str(found)
