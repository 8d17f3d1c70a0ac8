"""What the pages about people make of user agents, addresses and uploads."""

from urllib.parse import unquote

import pytest

from certdesk.console.browsers import describe_browser
from certdesk.console.enrolling import Asked, read_once
from certdesk.console.pages.managers import address_of
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.ra.links import parse_token, token_text


def test_browsers_are_told_apart() -> None:
    """Browsers pretend to be others; the list says what they are."""
    known = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0": "Firefox, Windows",
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36": "Chrome, Android",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) Version/17.1 Safari/605.1.15": "Safari, macOS",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0": "Edge, Linux",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) CriOS/119.0 Mobile Safari/604.1": "Chrome, iPhone",
        "curl/8.5.0": "curl",
        "<script>": "",
        "": "",
    }
    assert {agent: describe_browser(agent) for agent in known} == known


@pytest.mark.parametrize("email", ["claire@poste.example", "a/b@x.example", "50%2F@x.example", "a+b#c?d@x.example"])
def test_an_address_of_a_manager_leads_back_to_them(email: str) -> None:
    """What the server makes of the address, and the page of that, is the e-mail address again."""
    decoded = unquote(address_of(email)).removeprefix("/managers/")
    assert "/" not in decoded
    assert unquote(decoded) == email


def test_a_token_is_read_as_it_is_written() -> None:
    """43 characters, and nothing that a URL would have to quote."""
    token = bytes(range(200, 232))
    assert len(token_text(token)) == 43
    assert parse_token(token_text(token)) == token


@pytest.mark.parametrize("text", ["", "xx", "00" * 31, "00" * 33, "é" * 64])
def test_a_form_without_its_value_cannot_be_read(text: str) -> None:
    """It is 32 random octets in hexadecimal, and nothing else."""
    with pytest.raises(CertdeskError) as refused:
        read_once(text)
    assert refused.value.kind is ErrorKind.MALFORMED


def test_a_file_goes_before_pasted_text() -> None:
    """And one of them there must be."""
    assert Asked(pasted=b" text ", file=b"file").csr == b"file"
    assert Asked(pasted=b" text ", file=b"\n").csr == b"text"
    with pytest.raises(CertdeskError) as refused:
        _ = Asked().csr
    assert refused.value.problem.field == "csr"
