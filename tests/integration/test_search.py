"""Search on both databases: what is found, in which order, and within which scope."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from certdesk.audit import seal
from certdesk.domain.enrollment import DAY, CertificationRequest, Device, Kind, Manager, Principal, Role
from certdesk.domain.listing import CertificateFilter, RequestFilter
from certdesk.domain.states import RequestState
from certdesk.store import open_store, search
from certdesk.store.migrate import configuration
from tests.desks import ADMINISTRATOR, FRENCH_MANAGER, GERMAN_MANAGER, OPERATOR, TestDesk, make_csr, make_submission
from tests.integration.test_migrate import on


async def submit(desk: TestDesk, email: str, device: str, **changes: Any) -> CertificationRequest:
    """Submit a request a second after the last one."""
    desk.time.now += 1000
    submission = make_submission(email=email, device=Device(device, "TC58", "Android 14", "Enroll"), **changes)
    return (await desk.ra.submit(submission, source="198.51.100.4"))[0]


async def write_words(desk: TestDesk) -> None:
    """Do what the jobs do: seal the log, and take all of its batches."""
    while await seal(desk.store.events, desk.log.signer, desk.time):
        pass
    while await desk.store.words.take():
        pass


@dataclass
class People:
    """Requests by who and what they are of."""

    claire: CertificationRequest
    renewed: CertificationRequest
    """Claire's again, for the same device, and issued."""
    petra: CertificationRequest
    server: CertificationRequest
    german: CertificationRequest


@pytest.fixture(params=["fresh", "written"])
async def people(desk: TestDesk, request: pytest.FixtureRequest) -> People:
    """Return some requests: those that just came in, or those whose words the job has written."""
    people = People(
        await submit(desk, "claire.petit@poste.example", "HH-00123-A0042"),
        await submit(desk, "claire.petit@poste.example", "HH-00123-A0042", kind=Kind.MOBILE),
        await submit(desk, "petra.klein@poste.example", "SN-777"),
        await submit(desk, "ops@poste.example", "rack-7", kind=Kind.SERVER, csr=make_csr(None, "api.poste.example")),
        await submit(desk, "jonas.petit@post.example", "HH-00123-B0001", organisation="DEU1"),
    )
    await desk.ra.approve(people.renewed.id, FRENCH_MANAGER)
    if request.param == "written":
        await write_words(desk)
        assert (await desk.store.database.rows("SELECT count(*) FROM words", {}))[0][0] > 15
    return people


async def ids(desk: TestDesk, text: str, by: Principal = FRENCH_MANAGER, **limits: Any) -> list[str]:
    """Return the IDs of requests that a text finds."""
    page = await desk.ra.requests(by, RequestFilter(text=text, **limits))
    assert page.next is None
    return [request.id for request in page.items]


async def test_a_text_finds_what_it_may_mean(desk: TestDesk, people: People) -> None:
    """IDs, addresses, names, devices and serial numbers, whole or by their beginning, and nothing that it is not."""
    claire, renewed, petra, server = people.claire.id, people.renewed.id, people.petra.id, people.server.id
    serial = (await desk.ra.request(renewed, ADMINISTRATOR)).request.serial_number
    assert serial is not None
    both = [renewed, claire]
    for text, expected in {
        claire: [claire],
        claire.replace("-", " ").lower(): [claire],
        claire[:8].lower(): [claire],
        claire[5:9]: [claire],
        "claire.petit@poste.example": both,
        "CLAIRE": both,
        "petit": both,
        "Petit Claire": both,
        "claire petra": [],
        "pet": [*both, petra],
        "hh-00123-a0042": both,
        "HH-001": both,
        "a0042": both,
        "sn-777": [petra],
        "rack": [server],
        "api.poste": [server],
        serial.hex(): [renewed],
        serial.hex()[:16]: [renewed],
        people.renewed.spki_sha256.hex(): [renewed],
        "nobody": [],
        "%": [],
        "_": [],
        "' OR 1=1 --": [],
        "\x00\ud800": [],
    }.items():
        assert await ids(desk, text) == expected, text
    assert sorted(await ids(desk, "@poste.example")) == sorted([*both, petra, server])
    assert await ids(desk, "petit", state=RequestState.ISSUED) == [renewed]
    assert await ids(desk, "petit", kind=Kind.SERVER) == []


async def test_certificates_are_found_by_their_requests(desk: TestDesk, people: People) -> None:
    """By everything that a request is found by, and by fingerprint and key."""
    issued = (await desk.ra.request(people.renewed.id, ADMINISTRATOR)).certificate
    assert issued is not None
    texts = [issued.serial_number.hex(":"), issued.serial_number.hex()[:9], issued.fingerprint.hex()]
    texts += [issued.fingerprint.hex(":").upper(), issued.spki_sha256.hex(), issued.request_id, "petit", "a0042"]
    for text in texts:
        page = await desk.ra.certificates(FRENCH_MANAGER, CertificateFilter(text=text))
        assert [found.serial_number for found in page.items] == [issued.serial_number], text
    for text in ("petra", people.claire.id, "00" * 16, "00" * 32):
        assert (await desk.ra.certificates(FRENCH_MANAGER, CertificateFilter(text=text))).items == ()


async def test_nobody_finds_what_is_anothers(desk: TestDesk, people: People) -> None:
    """A manager finds their own organisation's only, by whatever text and from whatever position."""
    assert await ids(desk, "petit", GERMAN_MANAGER) == [people.german.id]
    assert await ids(desk, people.claire.id, GERMAN_MANAGER) == []
    assert await ids(desk, people.renewed.spki_sha256.hex(), GERMAN_MANAGER) == []
    assert set(await ids(desk, "petit", ADMINISTRATOR)) == {people.german.id, people.claire.id, people.renewed.id}
    assert await ids(desk, "petit", ADMINISTRATOR, organisation="DEU1") == [people.german.id]
    for position in (f"0.{people.claire.id}", f"99.{people.german.id}", "0.FRA1-0000-0000", "0.DEU1-0000-0000"):
        page = await desk.ra.requests(GERMAN_MANAGER, RequestFilter(text="petit"), after=position)
        assert (page.items, page.next) == ((), None)


async def test_earlier_requests_are_of_the_same_device_or_person(desk: TestDesk, people: People) -> None:
    """Whoever decides sees what became of others like it."""
    earlier = await desk.store.search.earlier(people.renewed, 20)
    assert [request.id for request in earlier] == [people.claire.id]
    assert await desk.store.search.earlier(people.german, 20) == []


async def all_pages(desk: TestDesk, text: str, by: Principal = FRENCH_MANAGER) -> list[str]:
    """Return the IDs of all pages of two."""
    found, after = [], None
    for _ in range(100):
        page = await desk.ra.requests(by, RequestFilter(text=text), after=after, limit=2)
        assert len(page.items) <= 2
        found += [request.id for request in page.items]
        if page.next is None:
            return found
        after = page.next
    raise AssertionError(found)


@pytest.mark.parametrize("seen", [1000, 3])
async def test_pages_hold_everything_once(desk: TestDesk, monkeypatch: pytest.MonkeyPatch, seen: int) -> None:
    """Whole words first, new before old, across what is written and what is fresh, however little a page looks at."""
    monkeypatch.setattr(search, "_MOST_SEEN", seen)
    monkeypatch.setattr(search, "_CHUNK", 2)
    whole = [await submit(desk, f"{name}.mart@mart.example", f"mart {name}") for name in ("ab", "cd", "ef")]
    longer = [await submit(desk, f"mart{name}@mart.example", f"D-{name}") for name in ("b", "a")]
    await write_words(desk)
    whole += [await submit(desk, f"{name}.mart@mart.example", f"mart {name}") for name in ("gh", "ij")]
    german = await submit(desk, "mart@post.example", "D-1", organisation="DEU1")
    expected = [request.id for request in (*reversed(whole), longer[1], longer[0])]
    found = await all_pages(desk, "mart")
    assert found[:5] == expected[:5]
    assert sorted(found) == sorted(expected)
    assert await all_pages(desk, "mart", ADMINISTRATOR) == [german.id, *found]


async def test_each_request_is_written_once(desk: TestDesk) -> None:
    """Two servers that take batches at once write every word and count every request and decision once."""
    requests = [await submit(desk, f"p{number}@poste.example", f"D-{number}") for number in range(6)]
    await desk.ra.reject(requests[0].id, FRENCH_MANAGER, "no")
    await desk.ra.approve(requests[1].id, FRENCH_MANAGER)
    day = desk.time.now // DAY
    before = await desk.store.words.by_day("FRA1", day)
    assert before == ({day: 6}, {day: 2})
    while await seal(desk.store.events, desk.log.signer, desk.time):
        await asyncio.gather(*(desk.store.words.take() for _ in range(3)))
    assert not await desk.store.words.take()
    assert await desk.store.words.by_day("FRA1", day) == before
    assert await desk.store.words.by_day("", day) == before
    assert await desk.store.words.by_day("DEU1", day) == ({}, {})
    [[written]] = await desk.store.database.rows("SELECT count(*) FROM words WHERE entry LIKE 'FRA1 d-%'", {})
    assert written == 6


async def test_what_managers_ask_for_does_not_count_in_their_organisation(desk: TestDesk) -> None:
    """The operator's requests for managers are in the federation's figures only, fresh or written."""
    await desk.ra.add_manager(Manager("m@poste.example", "Mia", Role.REGISTRATION_MANAGER, "FRA1"), OPERATOR)
    day = desk.time.now // DAY
    for _ in range(2):
        assert await desk.store.words.by_day("FRA1", day) == ({}, {})
        assert await desk.store.words.by_day("", day) == ({day: 1}, {day: 1})
        await write_words(desk)


async def test_what_was_there_before_is_found(tmp_path: Path, empty_postgresql_url: str) -> None:
    """What was sealed under an earlier schema is found when the job has taken it."""
    for url in (f"sqlite://{tmp_path / 'old.sqlite'}", empty_postgresql_url):
        await on(url, _begin_at_first)
        store = await open_store(url)
        assert await store.words.take()
        assert not await store.words.take()
        found = await store.search.requests(RequestFilter("FRA1", text="petit"), kinds=tuple(Kind), after=None, limit=5)
        assert [request.id for request in found.items] == ["FRA1-7GQ4-2KXT"]
        assert [row[0] for row in await store.database.rows("SELECT status FROM ocsp_answers", {})] == ["valid"]
        await store.close()


def _begin_at_first(connection: sa.Connection) -> None:
    """Make the first schema, with a request, its event, and an OCSP answer."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    request = {"id": "FRA1-7GQ4-2KXT", "organisation": "FRA1", "kind": "mobile", "email": "claire.petit@poste.example"}
    request_too = {
        "csr": b"",
        "claim_sha256": b"",
        "spki_sha256": b"",
        "state": "lapsed",
        "created_at": 1,
        "lapses_at": 2,
    }
    event = {"id": "1", "at": 1, "action": "request.submitted", "actor": "requester", "subject": "FRA1-7GQ4-2KXT"}
    for table, values in (
        ("requests", request | request_too | {"created_at": 1, "lapses_at": 2}),
        ("events", event | {"facts": "{}", "mac": b"", "batch": 7}),
        ("ocsp_answers", {"serial_number": b"1", "status": "valid", "next_update": 0}),
    ):
        columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in values]
        connection.execute(sa.table(table, *columns).insert().values(values))
