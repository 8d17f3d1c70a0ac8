"""The outermost layer: counts, logs, and the last answer."""

import json
from typing import Any

from certdesk.doors.answers import Answer
from certdesk.doors.asgi import ASGIApp, ClientDisconnectedError, Receive, Scope, Send
from certdesk.doors.http import listener_app
from certdesk.doors.metrics import exposition
from certdesk.doors.settings import HTTPSettings
from tests.unit.doors.asgi_calls import Received, call, make_scope

SECRET = "Bearer " + "s" * 43


class Journal:
    """A log that can be read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        """Keep a line."""
        self.lines.append((event, facts))

    error = info


async def _good(scope: Scope, receive: Receive, send: Send) -> None:
    scope["path_template"] = "/things/{id}"
    await Answer(200, b"good", ())(scope, receive, send)


async def _defective(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("the password is tomato")


async def _abandoned(scope: Scope, receive: Receive, send: Send) -> None:
    raise ClientDisconnectedError


async def _observe(app: ASGIApp, *, log_requests: bool = True, method: str = "GET") -> tuple[Received, Journal, str]:
    journal = Journal()
    settings = HTTPSettings(log=journal, log_requests=log_requests)
    scope = make_scope("/things/7?q=jeanne", method, [(b"authorization", SECRET.encode())])
    received = await call(listener_app(app, {}, settings), scope)
    return received, journal, exposition(settings.metrics, ()).decode()


async def test_a_request_is_one_line_without_secrets() -> None:
    """Who, what, how it ended and how long it took; neither the query nor a header."""
    _, journal, _ = await _observe(_good)
    [(event, facts)] = journal.lines
    assert event == "request"
    assert facts.pop("ms") >= 0
    assert facts == {"client": "192.0.2.7", "method": "GET", "path": "/things/7", "status": 200}


async def test_the_access_log_is_optional() -> None:
    """Without it only what goes wrong is written."""
    _, journal, text = await _observe(_good, log_requests=False)
    assert not journal.lines
    assert 'certdesk_http_requests_total{method="GET",route="/things/{id}",status="200"} 1.0' in text


async def test_a_defect_is_logged_in_full_and_answered_without_details() -> None:
    """The caller gets INTERNAL; the log has the exception."""
    received, journal, text = await _observe(_defective, log_requests=False)
    assert received.status == 500
    assert json.loads(received.body)["type"] == "urn:certdesk:error:internal"
    assert b"tomato" not in received.body
    [(_, facts)] = journal.lines
    assert str(facts["exc_info"]) == "the password is tomato"
    assert 'route="other",status="500"} 1.0' in text


async def test_a_client_that_hangs_up_is_no_error() -> None:
    """It is counted and not answered."""
    received, journal, text = await _observe(_abandoned, log_requests=False)
    assert (received.status, journal.lines) == (0, [])
    assert 'status="499"} 1.0' in text


async def test_invented_methods_share_one_series() -> None:
    """A stranger cannot make the metrics grow."""
    _, _, text = await _observe(_good, method="BREW")
    assert 'certdesk_http_requests_total{method="OTHER"' in text


async def test_prefixes_lead_to_other_applications() -> None:
    """Everything else goes to the main one."""

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await Answer(200, b"other", ())(scope, receive, send)

    app = listener_app(_good, {"/ocsp": other, "/crl/": other}, HTTPSettings(log=Journal()))
    assert (await call(app, make_scope("/ocsp/abc"))).body == b"other"
    assert (await call(app, make_scope("/crl/root.crl"))).body == b"other"
    assert (await call(app, make_scope("/crl"))).body == b"good"


async def test_strict_transport_security_is_for_our_own_tls() -> None:
    """HSTS is sent over HTTPS only (RFC 6797 §7.2)."""
    app = listener_app(_good, {}, HTTPSettings(log=Journal()))
    assert b"strict-transport-security" in (await call(app, make_scope(scheme="https"))).headers
    assert b"strict-transport-security" not in (await call(app, make_scope())).headers
