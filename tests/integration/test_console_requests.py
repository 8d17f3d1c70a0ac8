"""Requests in the console: the list, one request, and deciding."""

import os
import re
from datetime import UTC, datetime

import pytest

from certdesk.domain.enrollment import CertificationRequest, Conditions, Device, Kind, Names
from certdesk.domain.identifiers import new_request_id, verification_code
from certdesk.domain.states import RequestState
from tests.desks import ADMINISTRATOR, FRENCH_MANAGER, TestDesk, make_csr, make_submission, new_key
from tests.integration.console_calls import MANAGERS, browser, certificate_of, make_console, signed_in, words

DAY = 86_400_000
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "=HYPERLINK(1) & 'quotes' \N{POSTAL HORN}",
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}\N{ARABIC LETTER BEH}",
)


async def submit(desk: TestDesk, **changes: object) -> CertificationRequest:
    """Submit a request, as a device does."""
    request, _ = await desk.ra.submit(make_submission(**changes), source="198.51.100.4")
    return request


async def state_of(desk: TestDesk, request: CertificationRequest) -> RequestState:
    """Return where a request stands."""
    return (await desk.ra.request(request.id, ADMINISTRATOR)).request.state


def row_of(html: str, request: CertificationRequest) -> str:
    """Return a request's row in a list; empty if there is none."""
    return next((row for row in html.split("<tr>") if f"/requests/{request.id}" in row), "")


async def test_a_request_shows_what_a_manager_vouches_for(desk: TestDesk) -> None:
    """Who, what device, from where, the codes, the key, the future certificate: all on one page."""
    request = await submit(desk, device=Device("SN-1", "TC58", "Android 14", "Enroll 1.0"), kind=Kind.MOBILE)
    async with signed_in(desk, "claire") as claire:
        response = await claire.get(f"/requests/{request.id}")
    text, code = words(response), verification_code(request.spki_sha256)
    for expected in (
        request.id,
        f"{code[:3]} {code[3:]}",
        "jeanne@poste.example",
        "+33123456789",
        "Counter 3, Lyon Bellecour",
        "Lyon, Rhône",
        "SN-1",
        "TC58",
        "Android 14",
        "Enroll 1.0",
        "198.51.100.4",
        "EC P-256",
        request.spki_sha256.hex(":"),
        "La Poste",
        "France",
        "sign in to servers (TLS client)",
        "Policy has nothing against it now.",
        "None: this is the first one.",
        "submitted by the requester",
    ):
        assert expected in text
    assert f'<span class="unseen">{" ".join(code)}</span>' in response.text


@pytest.mark.parametrize(
    ("conditions", "said", "exported"),
    [
        (Conditions(screen_lock=True, rooted=False), ["is set", "it found no signs of rooting"], '"yes","no"'),
        (Conditions(screen_lock=False, rooted=True), ["is not set", "it found signs of rooting"], '"no","yes"'),
        (Conditions(rooted=True), ["it found signs of rooting"], '"","yes"'),
        (None, [], '"",""'),
    ],
)
async def test_what_a_device_reports_of_itself_is_shown(
    desk: TestDesk, conditions: Conditions | None, said: list[str], exported: str
) -> None:
    """Screen lock and rooting stand beside the device's other words, and in the export; silence is not shown as no."""
    request = await submit(desk, device=Device("SN-1", "TC58", "Android 14", "Enroll 1.0", conditions))
    async with signed_in(desk, "claire") as claire:
        text = words(await claire.get(f"/requests/{request.id}"))
        export = (await claire.get("/requests/export.csv")).text
    possible = {"is set", "is not set", "it found signs of rooting", "it found no signs of rooting"}
    assert [sentence for sentence in sorted(possible) if sentence in text] == sorted(said)
    assert ("reported by the device" in text) == bool(said)
    assert f'"Enroll 1.0",{exported},' in export


async def test_a_server_request_shows_its_names(desk: TestDesk) -> None:
    """The names of CSR and submission stand where the certificate's content is shown."""
    csr = make_csr(None, "api.poste.example")
    request = await submit(desk, kind=Kind.SERVER, csr=csr, names=Names(ip=("192.0.2.80",)))
    async with signed_in(desk, "ada") as ada:
        text = words(await ada.get(f"/requests/{request.id}"))
    assert "api.poste.example" in text
    assert "192.0.2.80" in text
    assert "answer as a server" in text


async def test_earlier_requests_and_what_became_of_them_are_shown(desk: TestDesk) -> None:
    """The same device or the same person counts; a stranger's request does not."""
    device = Device("SN-1")
    rejected = await submit(desk, device=device, email="other@poste.example")
    await desk.ra.reject(rejected.id, FRENCH_MANAGER, "Unknown device")
    same_person = await submit(desk)
    other = await submit(desk, email="nobody@poste.example")
    request = await submit(desk, device=device)
    async with signed_in(desk, "claire") as claire:
        text = words(await claire.get(f"/requests/{request.id}"))
    assert f"{rejected.id} rejected" in text
    assert "Unknown device" in text
    assert f"{same_person.id} waiting" in text
    assert other.id not in text


async def test_policy_findings_are_those_of_now(desk: TestDesk) -> None:
    """A key that was compromised since speaks against the request, and approving it is refused on the page."""
    key = new_key()
    first = await submit(desk, csr=make_csr(key), device=Device("SN-1"))
    enrollment = await desk.ra.approve(first.id, FRENCH_MANAGER)
    second = await submit(desk, csr=make_csr(key), device=Device("SN-1"))
    assert enrollment.certificate is not None
    from certdesk.domain.states import RevocationReason  # noqa: PLC0415

    await desk.ra.revoke(enrollment.certificate.serial_number, FRENCH_MANAGER, RevocationReason.KEY_COMPROMISE)
    async with signed_in(desk, "claire") as claire:
        text = words(await claire.get(f"/requests/{second.id}"))
        assert "Policy refuses it now" in text
        assert "revoked as compromised" in text
        refused = await claire.post(f"/requests/{second.id}/approve")
        assert refused.status_code == 409
        assert "revoked as compromised" in words(refused)
    assert await state_of(desk, second) is RequestState.REQUESTED


async def test_approving_issues_and_says_so(desk: TestDesk) -> None:
    """The page leads to the certificate, and the history tells who approved from where and why."""
    request = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"/requests/{request.id}")
        done = await claire.post(f"/requests/{request.id}/approve", comment="Called back")
        assert (done.status_code, done.headers["location"]) == (303, f"/requests/{request.id}?notice=approved")
        text = words(await claire.get(done.headers["location"]))
    for expected in ("Approved. The certificate is issued", "Called back", "claire@poste.example", "192.0.2.9"):
        assert expected in text
    assert await state_of(desk, request) is RequestState.ISSUED


async def test_rejecting_needs_a_reason(desk: TestDesk) -> None:
    """Without one the page comes back with the error at the field, and nothing is decided."""
    request = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"/requests/{request.id}")
        refused = await claire.post(f"/requests/{request.id}/reject", reason="  ")
        assert refused.status_code == 422
        assert "this is required" in words(refused)
        assert 'aria-describedby="reason-wrong"' in refused.text
    assert await state_of(desk, request) is RequestState.REQUESTED


async def test_a_reason_is_previewed_and_then_given_word_for_word(desk: TestDesk) -> None:
    """The preview decides nothing; what the requester reads is what was written."""
    request = await submit(desk)
    reason = 'The code was <b>another</b> one & "we" don\'t know you.'
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"/requests/{request.id}")
        preview = await claire.post(f"/requests/{request.id}/reject", reason=reason, preview="yes")
        assert preview.status_code == 200
        assert f"Your request {request.id} was rejected. {reason}" in words(preview)
        assert await state_of(desk, request) is RequestState.REQUESTED
        await claire.post(f"/requests/{request.id}/reject", reason=reason)
    read = await desk.ra.collect(request.id, request.submission.claim_sha256)
    assert read.request.reason == reason


async def test_a_reason_that_is_kept_is_offered_again(desk: TestDesk) -> None:
    """It belongs to the organisation; another one is not offered it."""
    first, second = await submit(desk), await submit(desk)
    german = await submit(desk, organisation="DEU1")
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"/requests/{first.id}")
        await claire.post(f"/requests/{first.id}/reject", reason="Ask your team leader", keep="yes")
        page = await claire.get(f"/requests/{second.id}")
        assert "<option>Ask your team leader</option>" in page.text
        await claire.post(f"/requests/{second.id}/reject", known="Ask your team leader", reason="")
    assert (await desk.ra.request(second.id, ADMINISTRATOR)).request.reason == "Ask your team leader"
    async with signed_in(desk, "jonas") as jonas:
        assert "Ask your team leader" not in (await jonas.get(f"/requests/{german.id}")).text


@pytest.mark.parametrize("action", ["approve", "reject"])
async def test_who_was_slower_is_told_who_decided_and_when(desk: TestDesk, action: str) -> None:
    """The other one's decision stands, and the page says so."""
    request = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        await claire.get(f"/requests/{request.id}")
        await desk.ra.reject(request.id, FRENCH_MANAGER, "Unknown")
        late = await claire.post(f"/requests/{request.id}/{action}", reason="Mine")
    assert late.status_code == 409
    when = datetime.fromtimestamp(desk.time.now / 1000, UTC)
    assert f"{FRENCH_MANAGER.name} decided this request at {when:%-d} Sept {when:%Y %H:%M} UTC" in words(late).replace(
        "Sep ", "Sept "
    )
    assert "it is rejected" in words(late)


async def test_nobody_decides_their_own_request_here_either(desk: TestDesk) -> None:
    """The page says why there are no buttons, and a form sent all the same is refused."""
    request = await submit(desk, email=MANAGERS["claire"].email)
    async with signed_in(desk, "claire") as claire:
        page = await claire.get(f"/requests/{request.id}")
        assert "Nobody decides their own request" in words(page)
        assert "/approve" not in page.text
        assert (await claire.post(f"/requests/{request.id}/approve")).status_code == 403
    assert await state_of(desk, request) is RequestState.REQUESTED


async def test_an_auditor_reads_and_decides_nothing(desk: TestDesk) -> None:
    """The page has no forms of decision; the history is there."""
    request = await submit(desk)
    async with signed_in(desk, "odile") as odile:
        page = await odile.get(f"/requests/{request.id}")
        assert "/approve" not in page.text
        assert "submitted by" in words(page)
        assert 'name="id"' not in (await odile.get("/requests")).text


async def test_another_organisations_request_does_not_exist(desk: TestDesk) -> None:
    """Probing it answers exactly as a request that does not exist."""
    request = await submit(desk)
    absent = new_request_id("FRA1", os.urandom)
    async with signed_in(desk, "jonas") as jonas:
        answers = {}
        for request_id in (request.id, absent):
            responses = (
                await jonas.get(f"/requests/{request_id}"),
                await jonas.post(f"/requests/{request_id}/approve"),
                await jonas.post(f"/requests/{request_id}/reject", reason="No"),
                await jonas.post("/requests/confirm", id=request_id, action="approve"),
            )
            answers[request_id] = [(each.status_code, words(each)) for each in responses]
        assert answers[request.id] == answers[absent]
        assert {status for status, _ in answers[absent]} == {404}
        assert request.id not in (await jonas.get("/requests")).text
        assert request.id not in (await jonas.get("/requests/export.csv")).text
    assert await state_of(desk, request) is RequestState.REQUESTED


async def test_another_spelling_of_an_id_leads_to_the_request(desk: TestDesk) -> None:
    """Lower case without hyphens, as somebody types it, is redirected to the one address."""
    request = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        found = await claire.get(f"/requests/{request.id.lower().replace('-', '')}")
    assert found.headers["location"] == f"/requests/{request.id}"


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_text(desk: TestDesk, text: str) -> None:
    """What somebody typed is shown as they typed it, on the page and in the list, and becomes no markup."""
    request = await submit(desk, description=text, device=Device(text, text, text, text), locality=text)
    async with signed_in(desk, "claire") as claire:
        for address in (f"/requests/{request.id}", "/requests", "/"):
            page = await claire.get(address)
            assert text in words(page) or text[:20] in words(page)
            assert "<script>alert" not in page.text
            assert not re.search(r"<img[^>]*onerror", page.text)


async def test_what_cannot_be_seen_is_written_out(desk: TestDesk) -> None:
    """A CSR's subject with an invisible or turning character shows its code point instead."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\u202egro.evil <b>\u200b")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(new_key(), SHA256())
    request = await submit(desk, csr=csr.public_bytes(Encoding.DER))
    async with signed_in(desk, "claire") as claire:
        page = await claire.get(f"/requests/{request.id}")
    assert "[U+202E]gro.evil" in words(page)
    assert "\u202e" not in page.text
    assert "\u200b" not in page.text


async def test_filters_stand_in_the_address(desk: TestDesk) -> None:
    """State, kind, organisation, dates and search each narrow the list, and the form shows them."""
    old = await submit(desk, kind=Kind.MOBILE)
    desk.time.now += 3 * DAY
    new = await submit(desk, email="paul.durand@poste.example", device=Device("SN-77"))
    german = await submit(desk, organisation="DEU1")
    await desk.ra.reject(new.id, FRENCH_MANAGER, "No")
    day = f"{datetime.fromtimestamp(desk.time.now / 1000, UTC):%Y-%m-%d}"
    expected = {
        "": {old, new, german},
        "state=rejected": {new},
        "kind=mobile": {old},
        "organisation=DEU1": {german},
        f"from={day}": {new, german},
        f"to={day}": {old, new, german},
        "to=2020-01-01": set(),
        "q=paul.dur": {new},
        "q=PAUL.dur": {new},
        "q=SN-77": {new},
        f"q={old.id}": {old},
        f"q={old.id.lower().replace('-', '+')}": {old},
        "q=%25": set(),
        "state=nonsense&kind=x&from=x": {old, new, german},
    }
    async with signed_in(desk, "ada") as ada:
        for query, wanted in expected.items():
            html = (await ada.get(f"/requests?{query}")).text
            assert {each for each in (old, new, german) if row_of(html, each)} == wanted, query
        assert '<option value="rejected" selected>' in (await ada.get("/requests?state=rejected")).text


async def test_a_long_list_comes_in_pages(desk: TestDesk) -> None:
    """Every request is on exactly one page, in both orders."""
    requests = []
    for _ in range(55):
        requests.append((await submit(desk)).id)
        desk.time.now += 1
    async with signed_in(desk, "claire") as claire:
        for order in ("", "oldest"):
            seen: list[str] = []
            address = f"/requests?order={order}"
            while address:
                html = (await claire.get(address)).text
                seen += re.findall(r'<a class="code" href="/requests/([A-Z0-9-]+)"', html)
                found = re.search(r'<a href="([^"]+)"[^>]*rel="next"', html)
                address = found[1].replace("&amp;", "&") if found else ""
            assert seen == (requests if order else requests[::-1])


async def test_the_list_refreshes_itself_only_when_something_changed(desk: TestDesk) -> None:
    """The part that the browser asks for again and again says 304 until a request comes in or is decided."""
    first = await submit(desk)
    async with signed_in(desk, "claire") as claire:
        page = await claire.get("/requests?state=requested")
        assert 'data-hx-get="/requests/list?state=requested"' in page.text
        part = await claire.get("/requests/list?state=requested", {"hx-request": "true"})
        etag = part.headers["etag"]
        assert etag.strip('"') in page.text
        same = await claire.get("/requests/list?state=requested", {"if-none-match": etag})
        assert (same.status_code, same.text) == (304, "")
        second = await submit(desk)
        news = await claire.get("/requests/list?state=requested", {"if-none-match": etag})
        assert row_of(news.text, second)
        assert "<html" not in news.text
        await desk.ra.reject(first.id, FRENCH_MANAGER, "No")
        later = await claire.get("/requests/list?state=requested", {"if-none-match": news.headers["etag"]})
        assert not row_of(later.text, first)


async def test_the_export_is_safe_and_complete(desk: TestDesk) -> None:
    """CSV has every request that the filters let through, and no cell that a spreadsheet would run."""
    import csv  # noqa: PLC0415
    import io  # noqa: PLC0415

    hostile = '=cmd|"/c calc"!A1'
    for _ in range(3):
        await submit(
            desk, description=hostile, device=Device(f"-{_}+1", "@SUM(1)", "\N{FULLWIDTH EQUALS SIGN}1", "x,\"y'")
        )
    async with signed_in(desk, "claire") as claire:
        response = await claire.get("/requests/export.csv?state=requested")
        empty = await claire.get("/requests/export.csv?state=lapsed")
    assert response.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert response.headers["content-disposition"] == 'attachment; filename="requests.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 3
    assert {row["description"] for row in rows} == {f"'{hostile}"}
    assert {row["phone"] for row in rows} == {"'+33123456789"}
    for row in rows:
        assert row["device_model"] == "'@SUM(1)"
        assert row["device_app"] == "x,\"y'"
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())
    assert len(empty.text.splitlines()) == 1


async def test_the_first_page_shows_what_waits_oldest_first(desk: TestDesk) -> None:
    """Only the manager's own organisation counts, and what is decided waits no more."""
    old = await submit(desk, email="old@poste.example")
    desk.time.now += 2 * DAY
    new = await submit(desk, email="new@poste.example")
    german = await submit(desk, organisation="DEU1")
    decided = await submit(desk, email="decided@poste.example")
    await desk.ra.approve(decided.id, FRENCH_MANAGER)
    async with signed_in(desk, "claire") as claire:
        page = await claire.get("/")
    text = words(page)
    assert "2 requests wait for you" in text
    assert page.text.index(old.id) < page.text.index(new.id)
    assert german.id not in text
    assert "old@poste.example" in text
    assert "2 days" in text
    assert f"decided@poste.example by {FRENCH_MANAGER.name}" in text
    assert "3 requests, 1 decision; at most 2 on one day" in text


async def test_the_first_page_shows_what_expires(desk: TestDesk) -> None:
    """A certificate within its last 30 days is named; a revoked one is not."""
    request = await submit(desk, device=Device("SCANNER-9"))
    await desk.ra.approve(request.id, FRENCH_MANAGER)
    desk.time.now += 340 * DAY
    async with signed_in(desk, "claire") as claire:
        text = words(await claire.get("/"))
        assert "SCANNER-9" in text
        assert "1 certificate within 30 days" in text


async def test_pages_speak_french(desk: TestDesk) -> None:
    """No sentence of ours is left in English."""
    request = await submit(desk)
    app = make_console(desk)
    async with browser(app, await certificate_of(desk, "claire"), language="fr") as claire:
        await claire.sign_in()
        for address, expected in (
            ("/", "1 demande vous attend"),
            ("/requests", "Exporter en CSV"),
            (f"/requests/{request.id}", "Code de vérification"),
            ("/certificates", "Certificats"),
        ):
            assert expected in words(await claire.get(address))


async def test_what_waits_for_a_manager_is_what_they_decide(desk: TestDesk) -> None:
    """Servers wait for an administrator; an auditor sees all that waits."""
    await submit(desk, kind=Kind.SERVER, csr=make_csr(None, "api.poste.example"))
    async with signed_in(desk, "claire") as claire:
        assert "Nothing waits for you" in words(await claire.get("/"))
    for who in ("ada", "odile"):
        async with signed_in(desk, who) as other:
            assert "One request waits for you" in words(await other.get("/"))


async def test_devices_without_an_address_are_nobodys_earlier_ones(desk: TestDesk) -> None:
    """Two requests without an e-mail address have no person in common."""
    from certdesk.store.database import Change, must  # noqa: PLC0415

    first, second = await submit(desk), await submit(desk)
    change = Change(must("UPDATE requests SET email = '' WHERE id IN (:one, :other)"))
    await desk.store.database.apply(change, {"one": first.id, "other": second.id})
    async with signed_in(desk, "claire") as claire:
        assert "None: this is the first one." in words(await claire.get(f"/requests/{second.id}"))
        assert first.submission.device.id in words(await claire.get("/requests"))
