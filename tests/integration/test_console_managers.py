"""Administering managers: who may, what is spared, and what takes effect at once."""

import asyncio
import base64
import re
from dataclasses import replace

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from certdesk.console.pages.managers import address_of
from certdesk.domain.enrollment import Manager, Principal, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import CertificateStatus, RevocationReason
from tests.desks import ADMINISTRATOR, FRENCH_MANAGER, OPERATOR, TestDesk, make_csr, new_key
from tests.integration.console_calls import (
    MANAGERS,
    SOURCE,
    URL,
    Browser,
    browser,
    certificate_of,
    make_console,
    signed_in,
    words,
)

CLAIRE = "/managers/claire@poste.example"
_ONCE = re.compile(r'name="once" value="(\w+)"')


async def once_on(it: Browser, address: str) -> str:
    """Open a page and return the value that makes its form work once."""
    found = _ONCE.search((await it.get(address)).text)
    assert found
    return found[1]


def file_in(response: httpx.Response) -> bytes:
    """Return the file that a page hands over."""
    found = re.search(r'href="data:[^;]+;base64,([^"]+)"', response.text)
    assert found, words(response)
    return base64.b64decode(found[1])


async def upload(it: Browser, address: str, **fields: bytes) -> httpx.Response:
    """Send a form with a file."""
    parts = {"csrf": (None, it.token.encode()), **{name: (None, value) for name, value in fields.items()}}
    if "file" in fields:
        parts["file"] = ("my.csr", fields["file"])  # type: ignore[assignment]
    return await it.client.post(address, files=parts, headers={"origin": URL})


def text(response: httpx.Response) -> str:
    """Return a page's words, after checking that it is the one that was asked for."""
    assert response.status_code == 200, words(response)
    return words(response)


async def test_an_administrator_invites_and_the_link_is_shown_once(desk: TestDesk) -> None:
    """The manager is in the list as invited; the link leads in, and is nowhere else."""
    async with signed_in(desk, "ada") as ada:
        await ada.get("/managers/invite")
        made = await ada.post(
            "/managers/invite",
            name="Claire Petit",
            email="claire@POSTE.example",
            role="registration-manager",
            organisation="FRA1",
        )
        link = re.search(rf'value="({URL}/link\?token=[\w-]+)"', made.text)
        assert link
        assert "no-store" in made.headers["cache-control"]
        assert "invited" in text(await ada.get("/managers"))
        assert "link that was not followed yet" in text(await ada.get(CLAIRE))
        assert link[1] not in (await ada.get(CLAIRE)).text
    event = (await desk.store.events.of_subject("claire@poste.example"))[0].event
    assert (event.action, event.actor, event.source) == ("manager.invited", "ada@operator.example", SOURCE)
    assert event.organisation == "FRA1"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "this is required"),
        ({"name": "x" * 65}, "at most 64 characters"),
        ({"name": "Cla\u202eire"}, "U+202E"),
        ({"email": "nowhere"}, "is not an e-mail address"),
        ({"email": '"><script>@poste.example'}, "is not an e-mail address"),
        ({"organisation": ""}, "a registration manager needs an organisation"),
        ({"organisation": "NONE"}, "there is no such organisation"),
        ({"organisation": "<b>"}, "an organisation code is"),
        ({"role": "king"}, "choose one of these"),
        ({"role": ""}, "choose one of these"),
    ],
)
async def test_a_wrong_invitation_comes_back_with_its_errors(
    desk: TestDesk, fields: dict[str, str], sentence: str
) -> None:
    """Nobody is registered, and what was typed stands there as text."""
    good = {"name": "Claire", "email": "claire@poste.example", "role": "registration-manager", "organisation": "FRA1"}
    async with signed_in(desk, "ada") as ada:
        await ada.get("/managers/invite")
        response = await ada.post("/managers/invite", **(good | fields))
        assert response.status_code == 422
        assert sentence in words(response)
        assert "<script>" not in response.text
    assert await desk.store.organisations.manager("claire@poste.example") is None


async def test_an_address_is_registered_once(desk: TestDesk) -> None:
    """The second invitation says so at the field."""
    await certificate_of(desk, "claire")
    async with signed_in(desk, "ada") as ada:
        await ada.get("/managers/invite")
        response = await ada.post(
            "/managers/invite", name="C", email="Claire@poste.example", role="auditor", organisation=""
        )
    assert response.status_code == 409
    assert "already" in words(response)


async def test_the_list_is_searched_filtered_and_paged(desk: TestDesk) -> None:
    """By the beginning of an address, a part of a name, role, organisation and standing; fifty at a time."""
    for number in range(60):
        await desk.ra.invite(Manager(f"m{number:02}@post.example", f"Num {number}", Role.AUDITOR, "DEU1"), OPERATOR)
    for who in ("claire", "otto"):
        await certificate_of(desk, who)
    await desk.ra.disable_manager("otto@operator.example", OPERATOR)
    async with signed_in(desk, "ada") as ada:
        first = await ada.get("/managers")
        assert "m40@post.example" in text(first)
        assert "m59@post.example" not in text(first)
        more = re.search(r'href="(/managers\?after=[^"]+)"', first.text)
        assert more
        assert "m59@post.example" in text(await ada.get(more[1].replace("&amp;", "&")))
        for query, found, missed in (
            ("q=CLAI", "claire@poste", "otto@"),
            ("q=petit", "claire@poste", "m00@"),
            ("q=%25", "No manager is like this", "claire@poste"),
            ("role=registration-manager", "claire@poste", "m00@"),
            ("organisation=DEU1&q=m01", "m01@", "m02@"),
            ("standing=disabled", "otto@", "claire@poste"),
            ("role=king&organisation=&q=otto", "otto@", "claire@poste"),
        ):
            page = text(await ada.get(f"/managers?{query}"))
            assert found in page
            assert missed not in page


async def test_a_certificate_is_made_with_a_password_that_is_shown_once(desk: TestDesk) -> None:
    """The file opens with it, and signs the manager in; renewing supersedes the first one."""
    await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    app = make_console(desk)
    async with signed_in(desk, "ada", app) as ada:
        made = await ada.post(f"{CLAIRE}/certificate", once=await once_on(ada, CLAIRE))
        password = re.search(r'class="code password">([^<]+)<', made.text)
        assert password
        identity = load_pkcs12(file_in(made), password[1].encode())
        assert identity.cert is not None
        assert len(identity.additional_certs) == 2
        async with browser(app, identity.cert.certificate.public_bytes(Encoding.DER)) as claire:
            await claire.sign_in()
            assert "Claire Petit" in text(await claire.get("/account"))
        desk.time.now += 1000
        renewed = await ada.post(f"{CLAIRE}/certificate", once=await once_on(ada, CLAIRE))
        assert renewed.status_code == 200
    certificates = await desk.store.managers.certificates("claire@poste.example", 9)
    assert [each.status for each in certificates] == [CertificateStatus.VALID, CertificateStatus.SUPERSEDED]


async def test_one_form_makes_one_certificate(desk: TestDesk) -> None:
    """Sent again after a lost answer or by reloading, it makes no second one; a made-up value makes none."""
    await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    async with signed_in(desk, "ada") as ada:
        once = await once_on(ada, CLAIRE)
        assert (await ada.post(f"{CLAIRE}/certificate", once=once)).status_code == 200
        assert (await ada.post(f"{CLAIRE}/certificate", once=once)).status_code == 409
        for wrong in ("", "x", "00", "é" * 32):
            assert (await ada.post(f"{CLAIRE}/certificate", once=wrong)).status_code == 400
    assert len(await desk.store.managers.certificates("claire@poste.example", 9)) == 1


async def test_a_certificate_is_issued_for_an_uploaded_csr(desk: TestDesk) -> None:
    """As a file or pasted, PEM or DER; the page hands over the certificate and no key."""
    await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    key = new_key()
    der = next(csr for csr in iter(lambda: make_csr(key), b"") if csr[-1:].isspace())  # a careless strip harms it
    pem = x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)
    async with signed_in(desk, "ada") as ada:
        for fields in ({"file": der}, {"file": pem}, {"csr": pem, "file": b""}):
            once = (await once_on(ada, CLAIRE)).encode()
            made = await upload(ada, f"{CLAIRE}/csr", once=once, **fields)
            certificates = x509.load_pem_x509_certificates(file_in(made))
            assert certificates[0].public_key() == key.public_key()
            assert len(certificates) == 3
            assert "password" not in words(made)


@pytest.mark.parametrize(
    ("csr", "status", "sentence"),
    [
        (b"", 422, "Choose the file with the CSR"),
        (b"hello", 422, "CSR"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", 422, "CSR"),
        (b"\x30\x80" * 100, 422, "CSR"),
        (b"x" * 70_000, 413, "a body may have"),
    ],
    ids=["none", "text", "empty-pem", "der", "large"],
)
async def test_what_is_no_csr_is_refused_in_words(desk: TestDesk, csr: bytes, status: int, sentence: str) -> None:
    """The page says what is wrong; nothing was issued."""
    await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    async with signed_in(desk, "ada") as ada:
        once = (await once_on(ada, CLAIRE)).encode()
        response = await upload(ada, f"{CLAIRE}/csr", once=once, file=csr)
        assert response.status_code == status
        assert sentence.lower() in words(response).lower()
    assert await desk.store.managers.certificates("claire@poste.example", 9) == []


async def test_a_key_of_somebody_else_is_refused(desk: TestDesk) -> None:
    """Policy looks at managers' keys as at all others."""
    key = new_key()
    await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    await desk.ra.invite(MANAGERS["paul"], OPERATOR)
    await desk.ra.certify_manager("paul@poste.example", make_csr(key), b"1" * 32, OPERATOR)
    async with signed_in(desk, "ada") as ada:
        once = (await once_on(ada, CLAIRE)).encode()
        response = await upload(ada, f"{CLAIRE}/csr", once=once, file=make_csr(key))
        assert response.status_code == 409
        assert "already used elsewhere" in words(response)


async def test_an_upload_without_the_token_is_refused(desk: TestDesk) -> None:
    """The forms with files ask for it as the others do."""
    await desk.ra.invite(MANAGERS["claire"], OPERATOR)
    async with signed_in(desk, "ada") as ada:
        once = (await once_on(ada, CLAIRE)).encode()
        ada.token = "x"
        assert (await upload(ada, f"{CLAIRE}/csr", once=once, file=make_csr())).status_code == 403


async def test_disabling_ends_the_running_session_at_once(desk: TestDesk) -> None:
    """The next click leads to the sign-in page, and the certificate opens no new one until enabled."""
    app = make_console(desk)
    async with signed_in(desk, "claire", app) as claire, signed_in(desk, "ada", app) as ada:
        page = await ada.get(CLAIRE)
        assert "by certificate from" in words(page)
        done = await ada.post(f"{CLAIRE}/disable")
        assert done.headers["location"] == f"{CLAIRE}?notice=manager-disabled"
        assert "Nowhere at the moment" in words(await ada.get(CLAIRE))
        assert (await claire.get("/account")).status_code == 303
        assert (await claire.post("/sign-in/certificate", next="/")).status_code == 401
        assert (await ada.post(f"{CLAIRE}/disable")).status_code == 409
        assert (await ada.post(f"{CLAIRE}/certificate", once="0" * 64)).status_code == 409
        assert (await ada.post(f"{CLAIRE}/enable")).status_code == 303
        assert (await ada.post(f"{CLAIRE}/enable")).status_code == 409
        assert (await claire.get("/account")).status_code == 303
        await claire.sign_in()
    actions = [sealed.event.action for sealed in await desk.store.events.of_subject("claire@poste.example")]
    assert actions[-3:] == ["manager.disabled", "manager.enabled", "session.opened"]


async def test_an_administrator_ends_sessions_of_others(desk: TestDesk) -> None:
    """One of them, or all."""
    app = make_console(desk)
    certificate = await certificate_of(desk, "claire")
    async with (
        browser(app, certificate) as one,
        browser(app, certificate) as two,
        browser(app, certificate) as three,
        signed_in(desk, "ada", app) as ada,
    ):
        for it in (one, two, three):
            desk.time.now += 1000
            await it.sign_in()
        page = await ada.get(CLAIRE)
        sessions = re.findall(r'name="session" value="([^"]+)"', page.text)
        assert len(sessions) == 3
        assert (await ada.post(f"{CLAIRE}/sessions/end", session=sessions[0])).status_code == 303
        assert (await three.get("/account")).status_code == 303
        assert (await two.get("/account")).status_code == 200
        assert (await ada.post(f"{CLAIRE}/sessions/end", session="é")).status_code == 303
        assert (await one.get("/account")).status_code == 200
        assert (await ada.post(f"{CLAIRE}/sessions/end")).status_code == 303
        assert (await one.get("/account")).status_code == 303
        assert (await ada.get("/account")).status_code == 200


async def test_a_session_is_ended_only_under_its_own_manager(desk: TestDesk) -> None:
    """A session's number on another manager's page ends nothing."""
    app = make_console(desk)
    await certificate_of(desk, "paul")
    async with signed_in(desk, "claire", app) as claire, signed_in(desk, "ada", app) as ada:
        session = re.search(r'name="session" value="([^"]+)"', (await ada.get(CLAIRE)).text)
        assert session
        await ada.post("/managers/paul@poste.example/sessions/end", session=session[1])
        assert (await claire.get("/account")).status_code == 200


async def test_a_new_role_counts_from_the_next_click(desk: TestDesk) -> None:
    """Name, role and organisation; the log has what was and what is."""
    app = make_console(desk)
    async with signed_in(desk, "claire", app) as claire, signed_in(desk, "ada", app) as ada:
        await ada.get(CLAIRE)
        saved = await ada.post(f"{CLAIRE}/edit", name="Claire Grand", role="auditor", organisation="DEU1")
        assert saved.headers["location"] == f"{CLAIRE}?notice=saved"
        page = text(await claire.get("/account"))
        assert "Claire Grand" in page
        assert "auditor · DEU1" in page
        assert (await claire.post("/requests/confirm")).status_code == 403
        assert (await ada.post(f"{CLAIRE}/edit", name="", role="auditor", organisation="DEU1")).status_code == 422
        wrong = await ada.post(f"{CLAIRE}/edit", name="<x>", role="registration-manager", organisation="")
        assert wrong.status_code == 422
        assert "needs an organisation" in words(wrong)
        assert 'value="&lt;x&gt;"' in wrong.text
    event = (await desk.store.events.of_subject("claire@poste.example"))[-1].event
    assert event.facts == {
        "new_name": "Claire Grand",
        "earlier_name": "Claire Petit",
        "new_role": "auditor",
        "earlier_role": "registration-manager",
        "new_organisation": "DEU1",
        "earlier_organisation": "FRA1",
    }


async def test_an_administrator_has_no_organisation_whatever_was_chosen(desk: TestDesk) -> None:
    """Whoever becomes one acts for the whole federation."""
    await certificate_of(desk, "claire")
    async with signed_in(desk, "ada") as ada:
        await ada.get(CLAIRE)
        await ada.post(f"{CLAIRE}/edit", name="Claire", role="administrator", organisation="FRA1")
    assert await desk.store.organisations.manager("claire@poste.example") == Manager(
        "claire@poste.example", "Claire", Role.ADMINISTRATOR, ""
    )


async def test_nobody_changes_their_own_standing(desk: TestDesk) -> None:
    """Not the role, not the certificate, not disabled; the name is one's own."""
    await desk.ra.add_manager(Manager("eve@operator.example", "Eve", Role.ADMINISTRATOR, ""), OPERATOR)
    async with signed_in(desk, "ada") as ada:
        own = "/managers/ada@operator.example"
        page = await ada.get(own)
        assert "Your own role is changed by a colleague" in words(page)
        assert "Disable this manager" not in words(page)
        refused = await ada.post(f"{own}/edit", name="Ada", role="auditor", organisation="")
        assert refused.status_code == 403
        assert "Nobody changes their own role" in words(refused)
        assert (await ada.post(f"{own}/disable")).status_code == 403
        assert (await ada.post(f"{own}/certificate", once="0" * 64)).status_code == 403
        assert (await ada.post(f"{own}/edit", name="Ada L.", role="administrator", organisation="")).status_code == 303


async def test_the_last_administrator_stays(desk: TestDesk) -> None:
    """Not even the operator at the command line takes the last one away."""
    await certificate_of(desk, "ada")
    ada = MANAGERS["ada"]
    with pytest.raises(CertdeskError, match="last administrator"):
        await desk.ra.disable_manager(ada.email, OPERATOR)
    demoted = Manager(ada.email, ada.name, Role.AUDITOR, "")
    for demote in (desk.ra.edit_manager, desk.ra.add_manager):
        with pytest.raises(CertdeskError, match="last administrator"):
            await demote(demoted, OPERATOR)
    await desk.ra.add_manager(Manager("eve@operator.example", "Eve", Role.ADMINISTRATOR, ""), OPERATOR)
    await desk.ra.edit_manager(demoted, OPERATOR)
    with pytest.raises(CertdeskError, match="last administrator"):
        await desk.ra.disable_manager("eve@operator.example", OPERATOR)
    assert await desk.store.organisations.manager(ada.email) == demoted


async def test_two_administrators_who_disable_each_other_leave_one(desk: TestDesk) -> None:
    """However close they are, one is refused, or asked to try again."""
    eve = Manager("eve@operator.example", "Eve", Role.ADMINISTRATOR, "")
    ada = MANAGERS["ada"]
    for manager in (ada, eve):
        await desk.ra.add_manager(manager, OPERATOR)
    for _ in range(3):
        results = await asyncio.gather(
            desk.ra.disable_manager(ada.email, Principal(eve.email, Role.ADMINISTRATOR)),
            desk.ra.disable_manager(eve.email, Principal(ada.email, Role.ADMINISTRATOR)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, CertdeskError) for result in results) == 1
        standing = [await desk.store.organisations.manager(each.email) for each in (ada, eve)]
        assert sum(each is not None and not each.disabled for each in standing) == 1
        for each in standing:
            if each and each.disabled:
                await desk.ra.enable_manager(each.email, OPERATOR)


async def test_who_was_slower_is_told(desk: TestDesk) -> None:
    """A change to a manager whom somebody has changed meanwhile does not hold."""
    await certificate_of(desk, "claire")
    earlier = await desk.store.organisations.manager("claire@poste.example")
    assert earlier is not None
    held = await asyncio.gather(
        *(
            desk.store.managers.edit(
                replace(earlier, name=f"Claire {number}"),
                earlier,
                desk.log.event("manager.changed", OPERATOR, organisation="FRA1", subject=earlier.email),
            )
            for number in range(4)
        )
    )
    assert sorted(held) == [False, False, False, True]
    assert "meanwhile" in str(await desk.ra._why_not(earlier))
    assert len(await desk.store.events.of_subject(earlier.email)) == 2


async def test_use_cases_ask_for_the_role_themselves(desk: TestDesk) -> None:
    """Whatever a page lets through, a registration manager or auditor changes and sees no manager."""
    await certificate_of(desk, "claire")
    email, auditor = "claire@poste.example", Principal("otto@operator.example", Role.AUDITOR)
    for by in (FRENCH_MANAGER, auditor, Principal("x", Role.ADMINISTRATOR, "FRA1")):
        for attempt in (
            desk.ra.invite(MANAGERS["paul"], by),
            desk.ra.link_for(email, by),
            desk.ra.first_link(by),
            desk.ra.edit_manager(MANAGERS["claire"], by),
            desk.ra.disable_manager(email, by),
            desk.ra.enable_manager(email, by),
            desk.ra.issue_to_manager(email, b"", by),
            desk.ra.certify_manager(email, b"", b"", by),
            desk.ra.end_manager_session(email, b"", by),
            desk.ra.end_manager_sessions(email, by),
            desk.ra.add_manager(MANAGERS["paul"], by),
        ):
            with pytest.raises(CertdeskError) as refused:
                await attempt
            assert refused.value.kind is ErrorKind.FORBIDDEN
    with pytest.raises(CertdeskError):
        await desk.ra.manager_file(email, FRENCH_MANAGER)
    assert (await desk.ra.manager_file(email, auditor)).standing.manager.email == email


async def test_an_auditor_of_the_federation_looks_and_changes_nothing(desk: TestDesk) -> None:
    """The pages are there without their forms."""
    await certificate_of(desk, "claire")
    async with signed_in(desk, "otto") as otto:
        assert "Invite" not in text(await otto.get("/managers"))
        page = await otto.get(CLAIRE)
        assert "How they sign in" in text(page)
        assert f'action="{CLAIRE}' not in page.text


@pytest.mark.parametrize(
    "email", ["a/b@poste.example", "50%2F@poste.example", "a+b#c?d&e@poste.example", "'a'@x.example"]
)
async def test_unusual_addresses_have_their_page(desk: TestDesk, email: str) -> None:
    """Slashes, percent and question marks may stand in a local part."""
    await desk.ra.invite(Manager(email, "Somebody", Role.AUDITOR, ""), OPERATOR)
    async with signed_in(desk, "ada") as ada:
        assert email in text(await ada.get(address_of(email)))
        assert address_of(email) in (await ada.get("/managers")).text.replace("&#39;", "'")
        assert (await ada.post(f"{address_of(email)}/disable")).status_code == 303


async def test_hostile_names_are_text(desk: TestDesk) -> None:
    """In the list, on the page, in the confirmation, on the link's page."""
    name = "<script>alert(1)</script> ={1}\" 'x' {{7*7}} 😀"
    link = await desk.ra.invite(Manager("x@poste.example", name, Role.AUDITOR, ""), OPERATOR)
    async with signed_in(desk, "ada") as ada:
        pages = [await ada.get("/managers"), await ada.get("/managers/x@poste.example")]
    async with browser(make_console(desk)) as it:
        pages.append(await it.get(link.url("")))
    for page in pages:
        assert name in words(page)
        assert "<script>alert" not in page.text


async def test_who_is_not_there_has_no_page(desk: TestDesk) -> None:
    """Every address below an unknown manager answers 404."""
    async with signed_in(desk, "ada") as ada:
        nobody = "/managers/nobody@poste.example"
        assert (await ada.get(nobody)).status_code == 404
        await ada.get("/managers/invite")
        for action in ("link", "disable", "enable", "sessions/end"):
            assert (await ada.post(f"{nobody}/{action}")).status_code == 404
        assert (await ada.post(f"{nobody}/sessions/end", session="AAAA")).status_code == 404
        edited = await ada.post(f"{nobody}/edit", name="x", role="auditor", organisation="")
        assert edited.status_code == 404


async def test_a_revoked_certificate_is_none_in_the_list(desk: TestDesk) -> None:
    """The list says who cannot sign in."""
    await certificate_of(desk, "claire")
    certificate = (await desk.store.managers.certificates("claire@poste.example", 1))[0]
    await desk.ra.revoke(certificate.serial_number, ADMINISTRATOR, RevocationReason.KEY_COMPROMISE)
    async with signed_in(desk, "ada") as ada:
        assert "cannot sign in" in text(await ada.get("/managers?q=claire"))
        assert "revoked" in text(await ada.get(CLAIRE))
