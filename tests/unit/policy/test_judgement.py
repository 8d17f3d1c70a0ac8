"""What policy has against submissions: every reason with its kind, field and sentence."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certdesk.domain.enrollment import (
    CertificationRequest,
    Device,
    DoorRule,
    Kind,
    Names,
    Organisation,
    Submission,
)
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import RequestState
from certdesk.policy.submission import Facts, judge, normalise, owner_of
from certdesk.wire.pkcs10 import CSR, parse_csr
from tests.unit.policy.examples import CSR as GOOD_CSR
from tests.unit.policy.examples import FACTS, MANAGER_REQUEST, MOBILE, ORGANISATION, SERVER
from tests.unit.wire.csr_maker import (
    NULL,
    dns,
    email,
    make_csr,
    names,
    oid,
    other_name,
    rsa_spki,
    sequence,
    spki_of,
    uri,
)

SMALL_PRIMES = math.prod(number for number in range(2, 752) if all(number % factor for factor in range(2, number)))
RSA_2048 = rsa.generate_private_key(65537, 2048).public_key()


def with_key(key: CertificatePublicKeyTypes) -> CSR:
    """Return a CSR with a key; its signature is not by that key, which is not policy's concern."""
    return parse_csr(make_csr(spki=spki_of(key)))


def with_rsa(bits: int, exponent: int = 65537, factor: int = 1) -> CSR:
    """Return a CSR with an RSA modulus of some bits, which has no factor below 752 but the one asked for."""
    modulus = 1 << bits - 1
    modulus += -modulus % factor
    while math.gcd(modulus, SMALL_PRIMES) != factor:
        modulus += factor
    return parse_csr(make_csr(spki=rsa_spki(modulus, exponent)))


def with_algorithm(dotted: str) -> CSR:
    """Return a CSR that says it is signed by an algorithm."""
    return parse_csr(make_csr(algorithm=sequence(oid(dotted), NULL)))


@dataclass(frozen=True)
class Bad:
    """A case that policy has one thing against, and what."""

    name: str
    kind: ErrorKind
    field: str
    sentence: str
    submission: Submission = MOBILE
    csr: CSR = GOOD_CSR
    organisation: Organisation = ORGANISATION
    facts: Facts = FACTS


def field(name: str, where: str, sentence: str, submission: Submission) -> Bad:
    """Return a case of a field that cannot be right."""
    return Bad(name, ErrorKind.INVALID_FIELD, where, sentence, submission)


def key(name: str, sentence: str, csr: CSR) -> Bad:
    """Return a case of a weak key."""
    return Bad(name, ErrorKind.WEAK_KEY, "csr", sentence, csr=csr)


def signature(name: str, dotted: str) -> Bad:
    """Return a case of a weak signature hash."""
    sentence = f"the CSR is signed with {name}, which is too weak: use SHA-256"
    return Bad(f"signed with {name}", ErrorKind.WEAK_SIGNATURE, "csr", sentence, csr=with_algorithm(dotted))


def host(name: str, reason: str, shown: str = "") -> Bad:
    """Return a case of a DNS name that no server may have."""
    submission = normalise(replace(SERVER, names=Names((name,))))
    sentence = f"{shown or name.lower()}{reason}"
    return Bad(f"DNS {name!a}"[:60], ErrorKind.NAME_NOT_ALLOWED, "names.dns", sentence, submission)


def address(text: str, reason: str) -> Bad:
    """Return a case of an IP address that no server may have."""
    submission = normalise(replace(SERVER, names=Names(ip=(text,))))
    return Bad(f"IP {text!a}"[:60], ErrorKind.NAME_NOT_ALLOWED, "names.ip", f"{text}{reason}", submission)


def mail(text: str) -> Bad:
    """Return a case of an e-mail address that cannot be one."""
    quoted = text if len(text) <= 80 else f"{text[:80]}…"
    submission = normalise(replace(MOBILE, email=text))
    return field(f"e-mail {text!a}"[:60], "contact.email", f"{quoted} is not an e-mail address", submission)


def phone(text: str) -> Bad:
    """Return a case of a telephone number that cannot be one."""
    sentence = "a telephone number begins with + and the country code, and has 7 to 15 digits: +33 1 23 45 67 89"
    return field(f"phone {text!a}", "contact.phone", sentence, normalise(replace(MOBILE, phone=text)))


def device(**changes: Any) -> Submission:
    """Return a submission of another device."""
    return replace(MOBILE, device=replace(MOBILE.device, **changes))


def invisible(code: str) -> str:
    """Return the sentence about a character."""
    return f"this holds the character {code}, which is invisible or changes how the text reads"


def too_long(most: int, length: int) -> str:
    """Return the sentence about a text that is too long."""
    return f"at most {most} characters fit here, these are {length}"


REQUIRED = "this is required"
EXPONENT = "an RSA key's public exponent is an odd number from 3 to 2147483647"
KINDLESS = "this kind of key is not accepted: use EC P-256, P-384, P-521, RSA or Ed25519"
FACTOR = "the RSA key's modulus has a small factor, so anyone can compute its private key"
NOT_LDH = " is not a DNS name: it may hold letters a-z, digits, hyphens and dots"
LABELS = " is not a DNS name: a label is empty, or begins or ends with a hyphen"
STAR = ": a wildcard can only be the whole first label, as in *.example.org"
NUMBER = " ends in a number, as no DNS name does: give an IP address as such"
XN = " holds a label that is not valid internationalised text (xn--)"
WILD = replace(ORGANISATION, allow_wildcards=True)
ONLY_SERVERS = replace(ORGANISATION, kinds=frozenset({Kind.SERVER}))
HUNDRED_AND_ONE = tuple(f"host{number}.example.org" for number in range(101))
OTHER_TYPES = "a server's certificate carries DNS names and IP addresses only, this CSR asks for "

BAD = [
    key("RSA 1024", "an RSA key needs at least 2048 bits, this one has 1024", with_rsa(1024)),
    key("RSA 2047", "an RSA key needs at least 2048 bits, this one has 2047", with_rsa(2047)),
    key("RSA 8193", "an RSA key may have at most 8192 bits, this one has 8193", with_rsa(8193)),
    key("RSA exponent of 32 bits", EXPONENT, with_rsa(2048, exponent=2**31 + 1)),
    key("RSA exponent as large as the modulus", EXPONENT, with_rsa(2048, exponent=2**2047 + 1)),
    key("RSA modulus even", FACTOR, with_rsa(2048, factor=2)),
    key("RSA modulus divisible by 751", FACTOR, with_rsa(2048, factor=751)),
    key(
        "P-224",
        "the curve secp224r1 is not accepted: use P-256, P-384 or P-521",
        with_key(ec.derive_private_key(7, ec.SECP224R1()).public_key()),
    ),
    key(
        "secp256k1",
        "the curve secp256k1 is not accepted: use P-256, P-384 or P-521",
        with_key(ec.derive_private_key(7, ec.SECP256K1()).public_key()),
    ),
    key(
        "Brainpool",
        "the curve brainpoolP256r1 is not accepted: use P-256, P-384 or P-521",
        with_key(ec.derive_private_key(7, ec.BrainpoolP256R1()).public_key()),
    ),
    key("Ed448", KINDLESS, with_key(ed448.Ed448PrivateKey.from_private_bytes(bytes(57)).public_key())),
    key("X25519", KINDLESS, with_key(x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key())),
    key("DSA", KINDLESS, with_key(dsa.generate_private_key(2048).public_key())),
    signature("md5", "1.2.840.113549.1.1.4"),
    signature("sha1", "1.2.840.113549.1.1.5"),
    signature("sha224", "1.2.840.113549.1.1.14"),
    Bad(
        "key of another device",
        ErrorKind.KEY_IN_USE,
        "csr",
        "this key is already used elsewhere: make a new one",
        facts=Facts("FRA1/another", key_compromised=False),
    ),
    Bad(
        "key of another organisation's device of that name",
        ErrorKind.KEY_IN_USE,
        "csr",
        "this key is already used elsewhere: make a new one",
        facts=Facts(f"FRA2/{MOBILE.device.id}", key_compromised=False),
    ),
    Bad(
        "key of a CA",
        ErrorKind.KEY_IN_USE,
        "csr",
        "this key is already used elsewhere: make a new one",
        facts=Facts("ca", key_compromised=False),
    ),
    Bad(
        "compromised key",
        ErrorKind.KEY_COMPROMISED,
        "csr",
        "this key was revoked as compromised: make a new one",
        facts=Facts(owner_of(MOBILE), key_compromised=True),
    ),
    Bad(
        "kind that the organisation does not have",
        ErrorKind.KIND_NOT_ALLOWED,
        "kind",
        "FRA1 does not enroll devices of the kind mobile",
        organisation=ONLY_SERVERS,
    ),
    Bad(
        "names on a phone",
        ErrorKind.NAME_NOT_ALLOWED,
        "names",
        "only a server's certificate carries such names",
        replace(MOBILE, names=Names(("www.poste.example",))),
    ),
    Bad(
        "server without names",
        ErrorKind.NAME_NOT_ALLOWED,
        "names",
        "a server needs 1 to 100 DNS names or IP addresses, these are 0",
        replace(SERVER, names=Names()),
    ),
    Bad(
        "server with too many names",
        ErrorKind.NAME_NOT_ALLOWED,
        "names",
        "a server needs 1 to 100 DNS names or IP addresses, these are 101",
        replace(SERVER, names=Names(HUNDRED_AND_ONE)),
    ),
    Bad(
        "server CSR with an e-mail address",
        ErrorKind.NAME_NOT_ALLOWED,
        "csr",
        f"{OTHER_TYPES}RFC822Name",
        SERVER,
        parse_csr(make_csr(attributes=names(email("a@example.org")))),
    ),
    Bad(
        "server CSR with otherName and URIs",
        ErrorKind.NAME_NOT_ALLOWED,
        "csr",
        f"{OTHER_TYPES}OtherName, UniformResourceIdentifier",
        SERVER,
        parse_csr(make_csr(attributes=names(uri("a:b"), other_name(), uri("c:d")))),
    ),
    Bad(
        "bad name that only the CSR asks for",
        ErrorKind.NAME_NOT_ALLOWED,
        "names.dns",
        f"a_b.example{NOT_LDH}",
        SERVER,
        parse_csr(make_csr(attributes=names(dns("a_b.example")))),
    ),
    Bad(
        "NUL in a name of the CSR",
        ErrorKind.NAME_NOT_ALLOWED,
        "names.dns",
        f"a.example\ufffd.evil.example{NOT_LDH}",
        SERVER,
        parse_csr(make_csr(attributes=names(dns("a.example\0.evil.example")))),
    ),
    host("*.example.org", " is a wildcard, which the organisation does not allow"),
    host("www.*.org", STAR),
    host("w*.example.org", STAR),
    host("a_b.example.org", NOT_LDH),
    host("a b.example.org", NOT_LDH),
    host("https://example.org", NOT_LDH),
    host("example.org:443", NOT_LDH),
    host("a\0b.example.org", NOT_LDH, "a\ufffdb.example.org"),
    host("\u202emoc.example.org", NOT_LDH, "\ufffdmoc.example.org"),
    host("\ud800.example.org", NOT_LDH, "\ufffd.example.org"),
    host("-a.example.org", LABELS),
    host("a-.example.org", LABELS),
    host("a..example.org", LABELS),
    host(".example.org", LABELS),
    host("", LABELS),
    host("ab--cd.example.org", XN),
    host("xn--a.example.org", XN),
    host("xn--.example.org", LABELS),
    host("xn--www-.example.org", LABELS),
    host("192.0.2.1", NUMBER),
    host("host.example.123", NUMBER),
    host("A" * 64 + ".example.org", " holds a label of more than 63 characters"),
    host("a." * 126 + "org", " is longer than 253 characters", "a." * 40 + "…"),
    address("192.0.2", " is not an IPv4 or IPv6 address"),
    address("192.0.2.01", " is not an IPv4 or IPv6 address"),
    address("192.0.2.0/24", " is not an IPv4 or IPv6 address"),
    address("2001:db8::g", " is not an IPv4 or IPv6 address"),
    address("www.example.org", " is not an IPv4 or IPv6 address"),
    address("", " is not an IPv4 or IPv6 address"),
    address("fe80::1%eth0", " has a zone, which means nothing to other hosts"),
    address("0.0.0.0", " is not the address of one host"),  # noqa: S104 - no socket is bound
    address("::", " is not the address of one host"),
    address("224.0.0.1", " is not the address of one host"),
    address("255.255.255.255", " is not the address of one host"),
    address("ff02::1", " is not the address of one host"),
    field("no e-mail", "contact.email", REQUIRED, replace(MOBILE, email="")),
    mail("marie"),
    mail("marie@"),
    mail("@poste.example"),
    mail("marie@localhost"),
    mail("marie@@poste.example"),
    mail("marie dupont@poste.example"),
    mail(".marie@poste.example"),
    mail("marie..dupont@poste.example"),
    mail('"marie dupont"@poste.example'),
    mail("marié@poste.example"),
    mail("marie@poste_.example"),
    mail("marie@[192.0.2.1]"),
    mail("marie@192.0.2.1"),
    mail("Marie <marie@poste.example>"),
    mail("m" * 65 + "@poste.example"),
    mail("m" * 60 + "@" + "a." * 95 + "example"),
    field("no phone", "contact.phone", REQUIRED, replace(MOBILE, phone="")),
    phone("0123456789"),
    phone("+0123456789"),
    phone("+33 1"),
    phone("+33 1 23 45 67 89 01 23 45"),
    phone("call me"),
    phone("+33 1 23 45 67 89 ext. 4"),
    phone("++33123456789"),
    phone("+٣٣١٢٣٤٥٦٧٨٩"),
    field("no state", "location.state_or_province", REQUIRED, replace(MOBILE, state_or_province="")),
    field(
        "state too long", "location.state_or_province", too_long(128, 129), replace(MOBILE, state_or_province="é" * 129)
    ),
    field("no locality", "location.locality", REQUIRED, normalise(replace(MOBILE, locality="  "))),
    field("locality too long", "location.locality", too_long(128, 129), replace(MOBILE, locality="x" * 129)),
    field("line end in a locality", "location.locality", invisible("U+000A"), replace(MOBILE, locality="Ly\non")),
    field("NUL in a locality", "location.locality", invisible("U+0000"), replace(MOBILE, locality="Lyon\0")),
    field("no description", "description", REQUIRED, normalise(replace(MOBILE, description="\r\n\t"))),
    field("description too long", "description", too_long(1000, 1001), replace(MOBILE, description="x" * 1001)),
    field("override in a description", "description", invisible("U+202E"), replace(MOBILE, description="\u202eabc")),
    field("isolate in a description", "description", invisible("U+2066"), replace(MOBILE, description="a\u2066bc")),
    field("escape in a description", "description", invisible("U+001B"), replace(MOBILE, description="\x1b[2J")),
    field("surrogate in a description", "description", invisible("U+DC80"), replace(MOBILE, description="a\udc80")),
    field("noncharacter in a description", "description", invisible("U+FFFE"), replace(MOBILE, description="a\ufffe")),
    field("no device ID", "device.id", REQUIRED, device(id="")),
    field("device ID too long", "device.id", too_long(128, 129), device(id="x" * 129)),
    field("zero-width space in a device ID", "device.id", invisible("U+200B"), device(id="12\u200b3")),
    field("model too long", "device.model", too_long(128, 129), device(model="x" * 129)),
    field("mark in a model", "device.model", invisible("U+200F"), device(model="TC\u200f58")),
    field("platform too long", "device.platform", too_long(128, 129), device(platform="x" * 129)),
    field("app too long", "device.app", too_long(128, 129), device(app="x" * 129)),
    field("only a control as app", "device.app", invisible("U+000A"), device(app="\n")),
    field("manager without a name", "common_name", REQUIRED, replace(MANAGER_REQUEST, common_name="")),
    field("manager's name too long", "common_name", too_long(64, 65), replace(MANAGER_REQUEST, common_name="x" * 65)),
    field("manager without e-mail", "contact.email", REQUIRED, replace(MANAGER_REQUEST, email="")),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_each_bad_input_has_its_problem(bad: Bad) -> None:
    """A submission with one thing wrong has one problem, of the precise kind, field and sentence."""
    problems = judge(bad.submission, bad.csr, bad.organisation, bad.facts)
    assert [(each.kind, each.field, each.text()) for each in problems] == [(bad.kind, bad.field, bad.sentence)]
    assert str(CertdeskError.of(problems)) == bad.sentence


@pytest.mark.parametrize(
    "name",
    ["*.com", "*.localhost", "*."],
)
def test_wildcard_for_a_whole_top_level_domain(name: str) -> None:
    """Even where wildcards are allowed, one cannot stand right below the root."""
    problems = judge(replace(SERVER, names=Names((name,))), GOOD_CSR, WILD, FACTS)
    assert [each.text() for each in problems] == [f"{name} would stand for a whole top-level domain"]


@pytest.mark.parametrize("name", ["**.example.org", "*.*.example.org", "*.-.org", "*.1.2.3.4"])
def test_wildcard_before_what_is_no_host_name(name: str) -> None:
    """What follows the wildcard is held to the rule for any name, and the sentence quotes the whole of it."""
    (problem,) = judge(replace(SERVER, names=Names((name,))), GOOD_CSR, WILD, FACTS)
    assert problem.kind is ErrorKind.NAME_NOT_ALLOWED
    assert problem.text().startswith(name)


def test_all_problems_come_at_once_and_the_gravest_first() -> None:
    """A requester learns everything in one answer; its kind is that of the key rather than of a typing error."""
    submission = replace(MOBILE, phone="", email="x", device=Device(""))
    problems = judge(submission, with_rsa(1024), ORGANISATION, Facts("ca", key_compromised=True))
    assert [each.field for each in problems] == ["csr", "csr", "contact.email", "contact.phone", "device.id"]
    assert CertdeskError.of(problems).kind is ErrorKind.WEAK_KEY


GOOD_KEYS = {
    "P-256": GOOD_CSR,
    "P-384": with_key(ec.derive_private_key(7, ec.SECP384R1()).public_key()),
    "P-521": with_key(ec.derive_private_key(7, ec.SECP521R1()).public_key()),
    "RSA 2048": with_key(RSA_2048),
    "RSA 3072": with_rsa(3072, exponent=3),
    "RSA 8192": with_rsa(8192, exponent=2**31 - 1),
    "Ed25519": with_key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()),
}


@pytest.mark.parametrize("name", GOOD_KEYS)
def test_good_keys(name: str) -> None:
    """The three NIST curves, RSA from 2048 to 8192 bits and Ed25519 are accepted."""
    assert judge(MOBILE, GOOD_KEYS[name], ORGANISATION, FACTS) == []


@pytest.mark.parametrize("dotted", ["1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"])
def test_good_signature_hashes(dotted: str) -> None:
    """SHA-256, SHA-384 and SHA-512 are strong enough."""
    assert judge(MOBILE, with_algorithm(dotted), ORGANISATION, FACTS) == []


def test_a_legacy_device_may_sign_with_sha1_and_nothing_weaker() -> None:
    """SHA-1 is let through where it is asked for, MD5 never."""
    sha1, md5 = (with_algorithm(f"1.2.840.113549.1.1.{number}") for number in (5, 4))
    assert judge(MOBILE, sha1, ORGANISATION, FACTS, legacy=True) == []
    [problem] = judge(MOBILE, md5, ORGANISATION, FACTS, legacy=True)
    assert problem.kind is ErrorKind.WEAK_SIGNATURE


@pytest.mark.parametrize("door", ["api", "est", "scep"])
def test_devices_are_legacy_at_the_scep_door_of_some_organisations(door: str) -> None:
    """Neither the rule alone nor the door alone is enough."""
    tolerant = replace(ORGANISATION, door_rules=frozenset({DoorRule.LEGACY_SCEP}))
    request = CertificationRequest("FRA1-7GQ4-2KXM", MOBILE, b"", RequestState.REQUESTED, 0, 0, door)
    assert request.is_legacy(tolerant) is (door == "scep")
    assert not request.is_legacy(ORGANISATION)


def test_same_device_may_ask_again_with_its_key() -> None:
    """A device's own key is no obstacle to its newer request."""
    assert judge(MOBILE, GOOD_CSR, ORGANISATION, Facts(owner_of(MOBILE), key_compromised=False)) == []


@pytest.mark.parametrize(
    "submission",
    [MOBILE, replace(MOBILE, kind=Kind.WORKSTATION), SERVER, MANAGER_REQUEST, replace(MOBILE, device=Device("id"))],
    ids=["mobile", "workstation", "server", "manager", "bare device"],
)
def test_good_submissions(submission: Submission) -> None:
    """Policy has nothing against what is complete; of a manager only name and e-mail are needed."""
    assert judge(submission, GOOD_CSR, ORGANISATION, FACTS) == []


def test_managers_need_no_leave_of_the_organisation() -> None:
    """An organisation's kinds are those of devices; managers are enrolled everywhere."""
    assert judge(MANAGER_REQUEST, GOOD_CSR, ONLY_SERVERS, FACTS) == []


@pytest.mark.parametrize(
    "good",
    [
        Names(("localhost",)),
        Names(("a.b.c.d.example",)),
        Names(("xn--bcher-kva.example",)),
        Names(("1.example", "4u.example", "a--b.example")),
        Names((".".join(["a" * 63] * 3 + ["b" * 61]),)),
        Names(ip=("2001:db8::1", "10.0.0.1", "127.0.0.1", "::1")),
        Names(HUNDRED_AND_ONE[:100]),
    ],
    ids=["one label", "many labels", "A-label", "digits and hyphens", "longest", "addresses", "a hundred"],
)
def test_good_names(good: Names) -> None:
    """Whatever can be a host's name or address is accepted; an administrator decides about the rest."""
    assert judge(replace(SERVER, names=good), GOOD_CSR, ORGANISATION, FACTS) == []


def test_wildcards_where_they_are_allowed() -> None:
    """An organisation that allows wildcards may have them as the first label."""
    assert judge(replace(SERVER, names=Names(("*.example.org",))), GOOD_CSR, WILD, FACTS) == []
