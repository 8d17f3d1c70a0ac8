"""The console's small parts: addresses, access, filters, charts, cells of CSV, files."""

import re
from pathlib import Path

import pytest

from certdesk.console.filters import certificate_filter, request_filter
from certdesk.console.pages.home import chart_of
from certdesk.console.routing import ADMINISTRATORS, ANYONE, AUDITORS, DECIDERS, OVERSEERS, SIGNED_IN, local_address
from certdesk.console.session import SESSION_COOKIE, session_cookie, token_of
from certdesk.console.statics import FOLDER, Statics, read_icons
from certdesk.console.streaming import cell
from certdesk.domain.enrollment import DAY, Kind, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState
from certdesk.ra.overview import DayCount
from tests.unit.console.visits import NOW, make_session, make_visit
from tests.unit.doors.asgi_calls import make_scope

TEMPLATES = FOLDER.parent / "templates"


@pytest.mark.parametrize("address", ["/", "/requests?state=requested&q=a%20b", "/requests/FRA1-7GQ4-2KXM#decision"])
def test_ones_own_addresses_are_kept(address: str) -> None:
    """With their query."""
    assert local_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "requests",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nset-cookie: x",
        "/\t/evil",
        "/é",
    ],
)
def test_foreign_and_crooked_addresses_are_replaced(address: str) -> None:
    """No header is split, and nobody is led astray."""
    assert local_address(address, "/requests") == "/requests"


def test_access_rules() -> None:
    """Each rule lets in exactly whom it names."""
    people = {
        "stranger": None,
        "manager": make_session(),
        "auditor": make_session(Role.AUDITOR),
        "head auditor": make_session(Role.AUDITOR, ""),
        "administrator": make_session(Role.ADMINISTRATOR, ""),
    }
    expected = {
        ANYONE: {"stranger", "manager", "auditor", "head auditor", "administrator"},
        SIGNED_IN: {"manager", "auditor", "head auditor", "administrator"},
        DECIDERS: {"manager", "administrator"},
        AUDITORS: {"auditor", "head auditor", "administrator"},
        OVERSEERS: {"head auditor", "administrator"},
        ADMINISTRATORS: {"administrator"},
    }
    for access, wanted in expected.items():
        assert {name for name, session in people.items() if access.allows(session)} == wanted, access.name


def test_a_query_with_invisible_characters_is_refused() -> None:
    """Like one that cannot be decoded."""
    for query in ("q=%00", "q=%e2%80%ae", "q=%ff", "q=" + "x" * 2000):
        with pytest.raises(CertdeskError) as refused:
            make_visit(f"/requests?{query}")
        assert refused.value.kind is ErrorKind.MALFORMED


def test_an_address_changes_by_parameters() -> None:
    """What is emptied is left out."""
    visit = make_visit("/requests?state=requested&after=1.x")
    assert visit.with_query(after=None) == "/requests?state=requested"
    assert visit.with_query(after="2.y") == "/requests?state=requested&after=2.y"
    assert visit.with_query(after=None, state="") == "/requests"


def test_filters_take_days_whole() -> None:
    """Both days belong to the range, from midnight to midnight UTC."""
    wanted = request_filter(
        make_visit("/requests?from=2026-11-01&to=2026-11-02&state=requested&kind=mobile&order=oldest")
    )
    assert wanted.created_from is not None
    assert wanted.created_before is not None
    assert wanted.created_before - wanted.created_from == 2 * DAY
    assert (wanted.state, wanted.kind, wanted.oldest_first) == (RequestState.REQUESTED, Kind.MOBILE, True)


@pytest.mark.parametrize("query", ["from=2026-13-01", "to=9999-12-31", "state=x", "kind=", "order=up", "from=%2D1"])
def test_what_makes_no_sense_does_not_limit(query: str) -> None:
    """An address that somebody edited by hand still shows a list."""
    wanted = request_filter(make_visit(f"/requests?{query}"))
    assert (wanted.created_from, wanted.created_before, wanted.state, wanted.kind) == (None, None, None, None)


def test_expiry_is_counted_from_now() -> None:
    """`within 7 days` leaves out what has expired."""
    soon = certificate_filter(make_visit("/certificates?expiry=7"), NOW)
    assert (soon.expires_from, soon.expires_before) == (NOW, NOW + 7 * DAY)
    past = certificate_filter(make_visit("/certificates?expiry=expired"), NOW)
    assert (past.expires_from, past.expires_before) == (None, NOW)
    assert certificate_filter(make_visit("/certificates?expiry=8"), NOW).expires_before is None


def test_a_chart_fits_its_frame() -> None:
    """Every bar is inside, the highest touches the top, none is drawn for nothing."""
    days = tuple(DayCount(day * DAY, submitted=day % 5, decided=day % 3) for day in range(30))
    chart = chart_of(days)
    assert min(bar.y for bar in chart.bars) == 0
    for bar in chart.bars:
        assert bar.count
        assert 0 <= bar.x <= chart.width - bar.width
        assert abs(bar.y + bar.height - chart.height) < 0.02
    assert (chart.submitted, chart.decided, chart.most) == (60, 30, 4)
    assert chart_of((DayCount(0, 0, 0),)).bars == ()


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+33", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x"],
)
def test_a_cell_is_never_a_formula(value: str) -> None:
    """An apostrophe in front makes a spreadsheet show it as text."""
    assert cell(value) == f"'{value}"


@pytest.mark.parametrize("value", ["", "FRA1", "a=b", "5", "'", "é"])
def test_other_cells_are_left_alone(value: str) -> None:
    """Nothing is added to what is harmless."""
    assert cell(value) == value


def test_a_session_cookie_comes_back() -> None:
    """What was set is read, among others; crooked ones are no session."""
    _name, value = session_cookie(b"\xff" * 32)
    pair = value.split(b";")[0]
    assert token_of(make_scope(headers=[(b"cookie", b"other=1; " + pair)])) == b"\xff" * 32
    for crooked in (b"", b"x", b"A" * 44, b'"' + b"A" * 41 + b'"'):
        assert token_of(make_scope(headers=[(b"cookie", SESSION_COOKIE.encode() + b"=" + crooked)])) is None
    assert token_of(make_scope()) is None


def test_icons_say_nothing_of_their_own() -> None:
    """They are hidden from screen readers, and every one that a template names exists."""
    icons = read_icons()
    assert all('aria-hidden="true"' in icon for icon in icons.values())
    used = {
        name for path in TEMPLATES.rglob("*.html") for name in re.findall(r'icon\("([a-z0-9-]+)"', path.read_text())
    }
    assert used <= icons.keys()
    assert len(used) > 20


def test_files_change_their_address_with_their_content(tmp_path: Path) -> None:
    """A browser that keeps a file for good never shows an old one."""
    (tmp_path / "a.css").write_text("a { color: red }")
    first = Statics(tmp_path).address("a.css")
    (tmp_path / "a.css").write_text("a { color: blue }")
    assert Statics(tmp_path).address("a.css") != first
    with pytest.raises(KeyError):
        Statics(tmp_path).address("b.css")


def test_vendored_files_have_their_licence() -> None:
    """The table of what others made names every one of them."""
    vendor = FOLDER / "vendor"
    readme = (vendor / "README.md").read_text()
    for path in vendor.glob("*.min.*"):
        assert f"`{path.name}`" in readme
    for licence in re.findall(r"`([\w./]*LICENSE[\w.]*)`", readme):
        assert (vendor / licence).exists()
