"""settings.xml: what is written is read back, and what is wrong is named."""

import base64
import datetime as dt
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from certdesk.domain.characters import refused_character
from certdesk.domain.enrollment import KeyType
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.wire.settings import LARGEST_SETTINGS, MOST_TRUST_ANCHORS, Settings, parse_settings, write_settings
from tests.unit.wire.csr_maker import KEY


def trust_anchor() -> bytes:
    """Return a self-signed certificate, DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root")])
    start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, start, start + dt.timedelta(days=1))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


ANCHOR = trust_anchor()
SETTINGS = Settings(
    organisation="FRA1",
    name="La Poste & <Fils>",
    country="FR",
    desk_url="https://desk.example.org:8443/enroll",
    trust_anchors=(ANCHOR, ANCHOR),
    key_type=KeyType.RSA_3072,
    state_or_province="Rhône",
    locality="Lyon",
    support_contact="support@example.org",
    poll_seconds=30,
)
XML = write_settings(SETTINGS).decode()


@dataclass(frozen=True)
class Bad:
    """A settings.xml that is refused, and how."""

    name: str
    xml: str | bytes
    sentence: str
    field: str = ""
    kind: ErrorKind = ErrorKind.INVALID_FIELD


def without(field: str) -> str:
    """Return the settings without a field."""
    start, end = f"<{field}>", f"</{field}>"
    return XML[: XML.index(start)] + XML[XML.index(end) + len(end) :]


def having(field: str, content: str) -> str:
    """Return the settings with another content of a field."""
    start, end = f"<{field}>", f"</{field}>"
    return XML[: XML.index(start) + len(start)] + content + XML[XML.index(end) :]


def url(text: str) -> Bad:
    """Return the settings with a bad desk URL."""
    sentence = "desk-url in settings.xml has to be an https address without user, query or fragment"
    return Bad(f"desk-url {text}"[:60], having("desk-url", text), sentence, "desk-url")


def malformed(name: str, xml: str | bytes, sentence: str) -> Bad:
    """Return what is no settings.xml at all."""
    return Bad(name, xml, sentence, "", ErrorKind.MALFORMED)


NOT_XML = "this is not a settings.xml: it is not well-formed XML"
NOT_SETTINGS = "this is not a settings.xml: its root element is not settings in urn:certdesk:settings:1"
ENTITIES = "settings.xml must not hold a document type or entities"
OTHER_VERSION = "this settings.xml is not of version 1: get the client that belongs to it"
CODE = "organisation in settings.xml has to be 2 to 12 of the characters A-Z and 0-9"
NAME = "name in settings.xml has to be one line of text"
COUNTRY = "country in settings.xml has to be two capital letters, such as FR"
ANCHORS = "trust-anchors in settings.xml have to be 1 to 16 certificates, each DER in base64"
KEYS = "key-type in settings.xml has to be EC P-256, RSA 2048, RSA 3072, RSA 4096 or Ed25519"
POLL = "poll-seconds in settings.xml has to be a whole number from 1 to 86400"
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
CERTIFICATE = f"<certificate>{base64.b64encode(ANCHOR).decode()}</certificate>"

BAD = [
    malformed("nothing", "", NOT_XML),
    malformed("HTML", "<html><br></html>", NOT_XML),
    malformed("JSON", '{"organisation": "FRA1"}', NOT_XML),
    malformed("cut off", XML[:-20], NOT_XML),
    malformed("two roots", XML + "<settings/>", NOT_XML),
    malformed("NUL", having("name", "a\0b"), NOT_XML),
    malformed("not UTF-8", XML.encode().replace("ô".encode(), b"\xf4"), NOT_XML),
    malformed("unknown encoding", XML.replace("UTF-8", "EBCDIC-FR-1"), NOT_XML),
    malformed("encoding that lies", XML.replace("UTF-8", "UTF-16"), NOT_XML),
    malformed("undefined entity", having("name", "&nbsp;"), NOT_XML),
    malformed("undeclared prefix", having("name", "<x:y/>"), NOT_XML),
    malformed("deeply nested", "<a>" * 60_000, NOT_XML),
    malformed(
        "too large", " " * (LARGEST_SETTINGS + 1), "this is too large for a settings.xml: 262144 bytes are the limit"
    ),
    malformed("document type", "<!DOCTYPE settings>" + XML.partition("?>\n")[2], ENTITIES),
    malformed("entity expansion", BOMB, ENTITIES),
    malformed("external entity", EXTERNAL, ENTITIES),
    malformed("external document type", '<!DOCTYPE x SYSTEM "http://example.org/x.dtd"><x/>', ENTITIES),
    malformed(
        "another root element", XML.replace("settings", "setting").replace("setting:1", "settings:1"), NOT_SETTINGS
    ),
    malformed("no namespace", XML.replace(' xmlns="urn:certdesk:settings:1"', ""), NOT_SETTINGS),
    malformed("another namespace", XML.replace("urn:certdesk:settings:1", "urn:example"), NOT_SETTINGS),
    Bad("newer namespace", XML.replace(":settings:1", ":settings:2"), OTHER_VERSION, "version", ErrorKind.INCOMPATIBLE),
    Bad("newer version", XML.replace('version="1">', 'version="2">'), OTHER_VERSION, "version", ErrorKind.INCOMPATIBLE),
    Bad("no version", XML.replace(' version="1">', ">"), OTHER_VERSION, "version", ErrorKind.INCOMPATIBLE),
    *(
        Bad(f"without {field}", without(field), f"settings.xml lacks the field {field}", field)
        for field in ("organisation", "name", "country", "desk-url", "trust-anchors", "key-type", "poll-seconds")
    ),
    Bad("field twice", having("name", "A</name><name>B"), "settings.xml has the field name twice", "name"),
    Bad(
        "misspelt field",
        XML.replace("locality>", "localty>"),
        "settings.xml has a field that is not known: localty",
        "localty",
    ),
    Bad(
        "field of another namespace",
        XML.replace("<locality>", '<locality xmlns="urn:x">'),
        "settings.xml has a field that is not known: {urn:x}locality",
        "{urn:x}locality",
    ),
    Bad("organisation in lower case", having("organisation", "fra1"), CODE, "organisation"),
    Bad("organisation of one character", having("organisation", "F"), CODE, "organisation"),
    Bad("empty organisation", having("organisation", " "), CODE, "organisation"),
    Bad("elements in the organisation", having("organisation", "FRA1<b/>"), CODE, "organisation"),
    Bad("empty name", having("name", ""), NAME, "name"),
    Bad("name of two lines", having("name", "La\nPoste"), NAME, "name"),
    Bad("name that reverses", having("name", "La \u202eetsoP"), NAME, "name"),
    Bad("country's name", having("country", "France"), COUNTRY, "country"),
    Bad("country in lower case", having("country", "fr"), COUNTRY, "country"),
    url(""),
    url("desk.example.org"),
    url("http://desk.example.org"),
    url("http://localhost.example.org"),
    url("ftp://desk.example.org"),
    url("https://"),
    url("https://user:secret@desk.example.org"),
    url("https://desk.example.org?x=1"),
    url("https://desk.example.org#top"),
    url("https://desk.example.org:70000"),
    url("https://desk.example.org:0"),
    url("https://desk example.org"),
    url("https://bücher.example"),
    url("https://desk.example.org/&#xD;Host: x"),
    url("javascript:alert(1)"),
    Bad("no trust anchor", having("trust-anchors", ""), ANCHORS, "trust-anchors"),
    Bad(
        "too many trust anchors",
        having("trust-anchors", CERTIFICATE * (MOST_TRUST_ANCHORS + 1)),
        ANCHORS,
        "trust-anchors",
    ),
    Bad("trust anchor not base64", having("certificate", "MII$"), ANCHORS, "trust-anchors"),
    Bad("trust anchor no certificate", having("certificate", "AAAA"), ANCHORS, "trust-anchors"),
    Bad("trust anchor cut off", having("certificate", CERTIFICATE[13:113]), ANCHORS, "trust-anchors"),
    Bad("trust anchor beyond ASCII", having("certificate", "é"), ANCHORS, "trust-anchors"),
    Bad("trust anchor under another name", having("trust-anchors", "<anchor/>"), ANCHORS, "trust-anchors"),
    Bad("key type nobody makes", having("key-type", "RSA 1024"), KEYS, "key-type"),
    Bad("key type in lower case", having("key-type", "ec p-256"), KEYS, "key-type"),
    Bad("poll interval zero", having("poll-seconds", "0"), POLL, "poll-seconds"),
    Bad("poll interval negative", having("poll-seconds", "-5"), POLL, "poll-seconds"),
    Bad("poll interval of two days", having("poll-seconds", "172800"), POLL, "poll-seconds"),
    Bad("poll interval with a fraction", having("poll-seconds", "1.5"), POLL, "poll-seconds"),
    Bad("poll interval in Arabic digits", having("poll-seconds", "٦٠"), POLL, "poll-seconds"),
    Bad("poll interval of a million digits", having("poll-seconds", "9" * 100_000), POLL, "poll-seconds"),
    Bad(
        "locality that reverses",
        having("locality", "\u2067nolyL"),
        "locality in settings.xml has to be one line of text",
        "locality",
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_settings_are_refused_naming_the_field(bad: Bad) -> None:
    """A settings.xml that is wrong in a known way is refused by one sentence, which names the field."""
    with pytest.raises(CertdeskError) as caught:
        parse_settings(bad.xml.encode() if isinstance(bad.xml, str) else bad.xml)
    assert (caught.value.kind, caught.value.problem.field, str(caught.value)) == (bad.kind, bad.field, bad.sentence)
    assert bad.field in str(caught.value)


def test_written_settings_are_read_back() -> None:
    """What one desk writes is what every client reads."""
    assert parse_settings(write_settings(SETTINGS)) == SETTINGS


def test_optional_fields_may_be_left_out() -> None:
    """Subject defaults and support contact are not written when empty, and are empty when not there."""
    bare = Settings("FRA1", "La Poste", "FR", "https://desk.example.org", (ANCHOR,))
    assert b"locality" not in write_settings(bare)
    assert parse_settings(write_settings(bare)) == bare


def test_layout_does_not_matter() -> None:
    """Order, indentation, comments, a byte order mark and line breaks in base64 are the editor's business."""
    certificate = base64.encodebytes(ANCHOR).decode().replace("\n", "\r\n      ")
    xml = (
        f"\ufeff<s:settings xmlns:s='urn:certdesk:settings:1' version='1'><s:poll-seconds> 3<!-- -->0 </s:poll-seconds>"
        f"<s:trust-anchors>\n\n<s:certificate>\n{certificate}</s:certificate></s:trust-anchors>"
        f"<s:desk-url>https://desk.example.org/</s:desk-url><s:country>FR</s:country><s:key-type>Ed25519</s:key-type>"
        f"<s:name>\n  La Poste\n</s:name><s:organisation>FRA1</s:organisation></s:settings>"
    )
    expected = Settings(
        "FRA1", "La Poste", "FR", "https://desk.example.org", (ANCHOR,), key_type=KeyType.ED25519, poll_seconds=30
    )
    assert parse_settings(xml.encode()) == expected


@pytest.mark.parametrize(
    "address", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:1/x", "https://[2001:db8::1]"]
)
def test_plain_http_is_for_this_machine(address: str) -> None:
    """A desk on the same machine, as in the demo, may be reached without TLS; others have IPv6 addresses too."""
    assert parse_settings(having("desk-url", address).encode()).desk_url == address


lines = st.text(max_size=40).filter(lambda text: text == text.strip() and not refused_character(text))


@given(
    st.builds(
        Settings,
        organisation=st.from_regex(r"[A-Z0-9]{2,12}", fullmatch=True),
        name=lines.filter(bool),
        country=st.from_regex(r"[A-Z]{2}", fullmatch=True),
        desk_url=st.just("https://desk.example.org"),
        trust_anchors=st.lists(st.just(ANCHOR), min_size=1, max_size=MOST_TRUST_ANCHORS).map(tuple),
        key_type=st.sampled_from(KeyType),
        state_or_province=lines,
        locality=lines,
        support_contact=lines,
        poll_seconds=st.integers(1, 86_400),
    )
)
def test_any_good_settings_are_read_back(settings: Settings) -> None:
    """Whatever passes policy comes through XML unchanged."""
    assert parse_settings(write_settings(settings)) == settings


def survives(xml: bytes) -> None:
    """Read settings; let no error pass but the kinds that a file can earn, with a sentence."""
    refusal = None
    try:
        parse_settings(xml)
    except CertdeskError as error:
        refusal = error
    earned = {ErrorKind.MALFORMED, ErrorKind.INVALID_FIELD, ErrorKind.INCOMPATIBLE}
    assert refusal is None or (refusal.kind in earned and str(refusal))


@given(st.binary(max_size=300))
def test_arbitrary_bytes(octets: bytes) -> None:
    """Arbitrary bytes are refused, not tripped over."""
    survives(octets)


@given(st.data())
def test_good_settings_with_changed_bytes(data: st.DataObject) -> None:
    """Good settings with a piece cut out and another put in its place are refused or read, not tripped over."""
    xml = XML.encode()
    start = data.draw(st.integers(0, len(xml)))
    end = data.draw(st.integers(start, min(len(xml), start + 60)))
    insert = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"<", b"&", b"]]>", b"<![CDATA[", b"<?x?>", b"<!--", b"&#0;"])
    )
    survives(xml[:start] + insert + xml[end:])


@given(
    st.sampled_from(["organisation", "name", "country", "desk-url", "certificate", "key-type", "poll-seconds"]),
    st.text(),
)
def test_arbitrary_text_in_a_field(field: str, text: str) -> None:
    """Arbitrary text in any field is refused or read, not tripped over."""
    survives(having(field, text.replace("<", "&lt;")).encode(errors="replace"))
