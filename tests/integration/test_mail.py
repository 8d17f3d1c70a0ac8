"""Mail on both databases, through a real SMTP server: who is written to, what it says, and never twice."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from certdesk.audit import seal
from certdesk.domain.clock import HOUR, MINUTE, SECOND
from certdesk.domain.enrollment import DAY, Device, Kind, Manager, Role
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.mail import planning
from certdesk.mail.planning import Planner
from certdesk.mail.sending import MailServer, Sender, mail_server
from certdesk.mail.writing import TEXTS, write
from certdesk.store.database import Change, must
from certdesk.store.mails import Mail
from tests.desks import FRENCH_MANAGER, OPERATOR, SOURCE, TestDesk, make_csr, make_submission
from tests.postgresql import free_port

_FACT = re.compile(r"\{(\w+)\}")
ANSWERS = {"250": "250 OK", "451": "451 try later", "550": "550 no such user"}


class Inbox:
    """What the mail server has accepted, and what it answers next."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message, or refuse it."""
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
        return self.answer


class Office:
    """A desk, its mail, and the server that takes it."""

    def __init__(self, desk: TestDesk, port: int, inbox: Inbox) -> None:
        self.desk = desk
        self.inbox = inbox
        self.planner = Planner(desk.store, "https://desk.example", desk.time)
        server = MailServer("127.0.0.1", port, Address("Certdesk", addr_spec="desk@operator.example"))
        self.sender = Sender(server, desk.store.mails, self._complete, desk.time)

    async def _complete(self, mail: Mail) -> Mapping[str, str]:
        return {**mail.facts, "url": mail.facts.get("url", "https://desk.example/link?token=x")}

    async def post(self) -> list[EmailMessage]:
        """Seal, plan and send whatever there is, and return what arrived."""
        before = len(self.inbox.messages)
        while await seal(self.desk.store.events, self.desk.log.signer, self.desk.time):
            pass
        while await self.planner.plan():
            pass
        while await self.sender.send():
            pass
        return self.inbox.messages[before:]


@pytest.fixture
async def office(desk: TestDesk) -> AsyncIterator[Office]:
    """Return a desk with a manager each in FRA1 and DEU1 and an administrator, whose mail is just switched on."""
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    for email, role, organisation in (
        ("claire@poste.example", Role.REGISTRATION_MANAGER, "FRA1"),
        ("jonas@post.example", Role.REGISTRATION_MANAGER, "DEU1"),
        ("ada@operator.example", Role.ADMINISTRATOR, ""),
    ):
        await desk.ra.add_manager(Manager(email, email.partition("@")[0], role, organisation), OPERATOR)
    office = Office(desk, controller.port, inbox)
    assert await office.post() == []
    yield office
    controller.stop()


async def _prefer(office: Office, email: str, language: str, notify: str) -> None:
    statement = "INSERT INTO preferences (email, language, theme, notify) VALUES (:email, :language, '', :notify)"
    values = {"email": email, "language": language, "notify": notify}
    assert await office.desk.store.database.apply(Change(must(statement)), values)


def _text(message: EmailMessage) -> str:
    return str(message.get_content())


async def test_a_new_request_is_the_news_of_its_organisations_managers(office: Office) -> None:
    """Only they are written to, with what they need to recognise the requester, in the language they chose."""
    await _prefer(office, "claire@poste.example", "fr", "at-once")
    request, _ = await office.desk.ra.submit(make_submission(), source=SOURCE)
    [mail] = await office.post()
    assert mail["To"] == "claire@poste.example"
    assert request.id in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "fr"
    text = _text(mail)
    for words in (request.id, "jeanne@poste.example", "Counter 3, Lyon Bellecour", f"/requests/{request.id}"):
        assert words in text
    assert await office.post() == []


async def test_a_servers_request_is_the_administrators_news(office: Office) -> None:
    """They decide it, so they are written to, and the organisation's managers are not."""
    submission = make_submission(kind=Kind.SERVER, csr=make_csr(None, "api.poste.example"))
    await office.desk.ra.submit(submission, source=SOURCE)
    assert [mail["To"] for mail in await office.post()] == ["ada@operator.example"]


async def test_the_requester_learns_of_the_decision(office: Office) -> None:
    """A rejection says its reason word for word, in every language as theirs is not known; an issue says what to do."""
    rejected, _ = await office.desk.ra.submit(make_submission(email="a@poste.example"), source=SOURCE)
    issued, _ = await office.desk.ra.submit(make_submission(email="b@poste.example"), source=SOURCE)
    await office.desk.ra.reject(rejected.id, FRENCH_MANAGER, "call me first: <b>04 72</b> =1+1")
    await office.desk.ra.approve(issued.id, FRENCH_MANAGER)
    mails = {mail["To"]: mail for mail in await office.post()}
    assert mails.keys() == {"a@poste.example", "b@poste.example"}
    assert "call me first: <b>04 72</b> =1+1" in _text(mails["a@poste.example"])
    assert mails["a@poste.example"]["Content-Language"] == "en, fr"
    assert mails["a@poste.example"].get_content_type() == "text/plain"
    assert issued.id in mails["b@poste.example"]["Subject"]


async def test_a_daily_digest_comes_once_a_day_and_says_how_much_waits(office: Office) -> None:
    """Whoever wants a digest gets no mail at once; nothing waiting means no digest."""
    await _prefer(office, "claire@poste.example", "en", "daily")
    office.desk.time.now = office.desk.time.now // DAY * DAY + 8 * HOUR
    assert await office.planner.digest() == 0
    for _ in range(3):
        await office.desk.ra.submit(make_submission(), source=SOURCE)
    assert await office.post() == []
    assert [await office.planner.digest() for _ in range(3)] == [1, 0, 0]
    [mail] = await office.post()
    assert mail["Subject"].endswith(": 3")
    office.desk.time.now += DAY
    assert await office.planner.digest() == 1


async def test_a_certificates_holder_is_reminded_twice_before_its_end(office: Office) -> None:
    """30 and 7 days before, once each; managers are told to ask for a new one."""
    request, _ = await office.desk.ra.submit(make_submission(), source=SOURCE)
    certificate = (await office.desk.ra.approve(request.id, FRENCH_MANAGER)).certificate
    assert certificate is not None
    await office.post()
    for days, expected in ((40, []), (29, ["jeanne@poste.example"]), (20, []), (6, ["jeanne@poste.example"]), (1, [])):
        office.desk.time.now = certificate.not_after - days * DAY
        await office.planner.remind()
        mails = {mail["To"]: _text(mail) for mail in await office.post()}
        assert [name for name in mails if name == "jeanne@poste.example"] == expected
        assert all("Ask an administrator" in text for name, text in mails.items() if name not in expected)


async def test_every_holder_is_reminded_however_many_there_are(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read in pieces, also where several end at once; what has ended, and who was written to, is passed by."""
    monkeypatch.setattr(planning, "_SLICE", 2)
    holders, ends = [f"holder{number}@poste.example" for number in range(7)], []
    for number, holder in enumerate(holders):
        office.desk.time.now += number % 3 * SECOND
        request, _ = await office.desk.ra.submit(make_submission(email=holder), source=SOURCE)
        issued = await office.desk.ra.approve(request.id, FRENCH_MANAGER)
        assert issued.certificate is not None
        ends.append(issued.certificate.not_after)
    assert (ends[0] < ends[1], ends[2], ends[5]) == (True, ends[3], ends[6])
    await office.post()
    for now, expected in ((ends[0] - 20 * DAY, holders), (ends[0], holders[1:])):
        office.desk.time.now = now
        await office.planner.remind()
        assert sorted(mail["To"] for mail in await office.post() if mail["To"] in holders) == expected


async def test_an_invited_manager_gets_a_link(office: Office) -> None:
    """It is made when the mail is sent; nothing of it is kept in the outbox."""
    manager = Manager("nina@poste.example", "Nina Blanc", Role.REGISTRATION_MANAGER, "FRA1")
    await office.desk.ra.invite(manager, OPERATOR)
    [mail] = await office.post()
    assert mail["To"] == "nina@poste.example"
    assert "https://desk.example/link?token=x" in _text(mail)
    rows = await office.desk.store.database.rows("SELECT facts FROM mails", {})
    assert all("token" not in row[0] for row in rows)


async def test_processes_at_once_send_one_mail(office: Office) -> None:
    """Planning and sending in several processes at the same time is as in one."""
    request, _ = await office.desk.ra.submit(make_submission(), source=SOURCE)
    await seal(office.desk.store.events, office.desk.log.signer, office.desk.time)
    await asyncio.gather(*(office.planner.plan() for _ in range(5)))
    await asyncio.gather(*(office.sender.send() for _ in range(5)))
    assert [mail["To"] for mail in office.inbox.messages] == ["claire@poste.example"]
    assert request.id in office.inbox.messages[0]["Subject"]


async def test_a_mail_that_was_begun_is_not_sent_again(office: Office) -> None:
    """When the desk dies while the mail server has the mail, nobody gets it twice."""
    await office.desk.ra.submit(make_submission(), source=SOURCE)
    await seal(office.desk.store.events, office.desk.log.signer, office.desk.time)
    await office.planner.plan()
    [mail] = await office.desk.store.mails.due(office.desk.time.now, 10)
    assert await office.desk.store.mails.begin(mail.id, office.desk.time.now)
    office.desk.time.now += DAY
    assert await office.sender.send() == 0


@pytest.mark.parametrize(("code", "tries"), [("451", 2), ("550", 1)])
async def test_a_refused_mail_is_tried_again_unless_the_refusal_is_final(office: Office, code: str, tries: int) -> None:
    """4yz is repeated after a pause, 5yz is given up (RFC 5321 §4.2.1)."""
    await office.desk.ra.submit(make_submission(), source=SOURCE)
    office.inbox.answer = ANSWERS[code]
    assert await office.post() == []
    office.inbox.answer = ANSWERS["250"]
    assert await office.post() == []
    office.desk.time.now += 2 * MINUTE
    assert len(await office.post()) == tries - 1


async def test_a_mail_server_that_is_away_is_waited_for(office: Office) -> None:
    """Nothing was handed over, so it is tried again."""
    await office.desk.ra.submit(make_submission(), source=SOURCE)
    server = MailServer("127.0.0.1", free_port(), Address("Certdesk", addr_spec="desk@operator.example"))
    here, office.sender = office.sender, Sender(server, office.desk.store.mails, office._complete, office.desk.time)
    assert await office.post() == []
    office.sender = here
    office.desk.time.now += 2 * MINUTE
    assert len(await office.post()) == 1


async def test_hostile_text_stays_text(office: Office) -> None:
    """What a requester types cannot make headers, lines or recipients."""
    description = "<script>alert(1)</script> \N{GRINNING FACE} Bcc: everybody@poste.example {id} %s"
    await office.desk.ra.submit(make_submission(description=description), source=SOURCE)
    [mail] = await office.post()
    assert description in _text(mail)
    assert mail["Bcc"] is None


async def test_a_hostile_device_and_reason_stay_text(office: Office) -> None:
    """Nor can a device's name or a manager's reason, in the mails that requesters get."""
    device = Device(
        "=1+1<b>{id}\N{POSTAL HORN}", "<img src=x onerror=alert(1)>", "%(x)s", "Bcc: everybody@poste.example"
    )
    reason = "</pre><script>alert(1)</script> {reason} \N{POSTAL HORN}"
    request, _ = await office.desk.ra.submit(make_submission(device=device), source=SOURCE)
    await office.desk.ra.reject(request.id, FRENCH_MANAGER, reason)
    mails = await office.post()
    rejected = next(mail for mail in mails if mail["To"] == "jeanne@poste.example")
    assert reason in _text(rejected)
    for mail in mails:
        assert (mail.get_content_type(), mail["Bcc"], mail.is_multipart()) == ("text/plain", None, False)
        assert device.model in _text(mail) or device.id in _text(mail)


@pytest.mark.parametrize("template", TEXTS)
@pytest.mark.parametrize("language", ["en", "fr", ""])
def test_no_fact_is_more_than_a_part_of_its_line(template: str, language: str) -> None:
    """Whatever a fact holds, there are no other headers than ours and no other lines, and nothing reads backwards."""
    names = {name for line in (TEXTS[template].subject, *TEXTS[template].lines) for name in _FACT.findall(line)}
    hostile = "x\r\nBcc: everybody@poste.example\r\n\r\n\N{RIGHT-TO-LEFT OVERRIDE}<b>{id}\N{POSTAL HORN}"
    sender = Address("Certdesk", addr_spec="desk@operator.example")
    mail = Mail("1", "x", "claire@poste.example", template, language, {}, 1_790_000_000_000, 0)
    tame, wild = (write(mail, sender, "desk.example", dict.fromkeys(names, value)) for value in ("x", hostile))
    assert tame.keys() == wild.keys()
    said = message_from_bytes(bytes(wild), policy=policy.default)
    assert isinstance(said, EmailMessage)
    assert len(_text(said).splitlines()) == len(_text(tame).splitlines())
    assert "Bcc" not in said
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in _text(said) + str(said["Subject"])
    assert not names or "<b>{id}\N{POSTAL HORN}" in _text(said)


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://mail.example", "desk@operator.example"),
        ("smtp://", "desk@operator.example"),
        ("smtp://user:secret@mail.example", "desk@operator.example"),
        ("smtp://mail.example:99999", "desk@operator.example"),
        ("smtp://mail.example", "nonsense"),
        ("smtp://mail.example", "desk @operator.example"),
    ],
)
def test_a_wrong_mail_server_is_refused(url: str, sender: str) -> None:
    """A password in the URL too: it would stand in the process list."""
    with pytest.raises(CertdeskError) as caught:
        mail_server(url, sender, None)
    assert caught.value.kind is ErrorKind.INVALID_FIELD
