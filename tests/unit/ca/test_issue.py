"""Certificates that the CA issues."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import assume, example, given
from hypothesis import strategies as st

from certdesk.ca.authority import CertificateAuthority
from certdesk.ca.signing import new_serial_number
from certdesk.domain.enrollment import DAY, Kind, Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.keys.signer import KeyAlgorithm
from certdesk.policy.fields import judge_text
from certdesk.wire import der
from tests.unit.ca.authorities import NOW, SUBJECT_KEYS, authority_of, finish, issue, order_for
from tests.unit.ca.builder import built

YEAR_2045 = 2_366_841_600_000


@pytest.mark.parametrize("key", SUBJECT_KEYS)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "issuing", [KeyAlgorithm.EC_P256, KeyAlgorithm.EC_P384, KeyAlgorithm.RSA_3072, KeyAlgorithm.ED25519]
)
def test_it_is_what_the_builder_makes(issuing: KeyAlgorithm, kind: Kind, key: str) -> None:
    """Octet for octet, a certificate is what cryptography's CertificateBuilder makes for the same order."""
    ca = authority_of(issuing)
    order = order_for(ca, kind, key)
    ours, theirs = issue(ca, order), built(ca, order)
    assert ours.tbs_certificate_bytes == theirs.tbs_certificate_bytes
    assert ours.signature_algorithm_oid == theirs.signature_algorithm_oid
    assert ours.signature_algorithm_parameters.__class__ is theirs.signature_algorithm_parameters.__class__
    ours.verify_directly_issued_by(ca.issuing_certificate)
    if issuing in {KeyAlgorithm.RSA_3072, KeyAlgorithm.ED25519}:  # whose signatures are not random
        assert ours == theirs


def test_a_server_without_a_dns_name_has_no_common_name() -> None:
    """A server that is known by addresses only gets no common name."""
    certificate = issue(authority_of(), order_for(authority_of(), Kind.SERVER, names=Names(ip=("192.0.2.7",))))
    assert not certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)


@pytest.mark.parametrize(("length", "count"), [(64, 1), (65, 0)])
def test_a_long_dns_name_is_no_common_name(length: int, count: int) -> None:
    """A first DNS name of more than 64 characters stands in the alternative names only."""
    name = f"{'a' * 40}.{'b' * (length - 41)}"
    certificate = issue(authority_of(), order_for(authority_of(), Kind.SERVER, names=Names((name, "short.example"))))
    assert len(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)) == count


def test_empty_places_are_left_out() -> None:
    """An organisation of no country, and a request without a place, leave C, ST and L out of the subject."""
    order = order_for(authority_of(), country="", state_or_province="", locality="")
    assert issue(authority_of(), order).subject.rfc4514_string() == "CN=FRA1-7GQ4-2KXM,O=La Poste"


# Every plane's characters that policy lets through.
words = st.text(min_size=1, max_size=64).filter(lambda text: not judge_text("x", text, 64))


# RFC 5280 counts characters, cryptography octets; it warns and reads on.
@pytest.mark.filterwarnings("ignore:Attribute's length must be")
@given(organisation=words, common_name=words, state=words, locality=words)
@example(organisation="Ł" * 64, common_name="邮" * 64, state="🄿" * 128, locality="Ελ" * 64)
def test_names_of_any_script_are_kept(organisation: str, common_name: str, state: str, locality: str) -> None:
    """Whatever text policy allows stands in the subject as it was ordered."""
    ca = authority_of()
    order = order_for(
        ca, organisation_name=organisation, common_name=common_name, state_or_province=state, locality=locality
    )
    names = {attribute.oid: attribute.value for attribute in issue(ca, order).subject}
    assert names == {
        NameOID.COUNTRY_NAME: "FR",
        NameOID.STATE_OR_PROVINCE_NAME: state,
        NameOID.LOCALITY_NAME: locality,
        NameOID.ORGANIZATION_NAME: organisation,
        NameOID.COMMON_NAME: common_name,
    }


labels = st.from_regex(r"[a-z]([a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=2, max_size=4).map(".".join)
addresses = st.ip_addresses().filter(lambda address: not (address.is_unspecified or address.is_multicast))


@given(dns=st.lists(hosts, max_size=5), ip=st.lists(addresses, max_size=5))
def test_server_names_are_kept(dns: list[str], ip: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> None:
    """A server's names stand in its certificate as ordered, DNS names first."""
    assume(dns or ip)
    assume("255.255.255.255" not in map(str, ip))
    ca = authority_of()
    order = order_for(ca, Kind.SERVER, names=Names(tuple(dns), tuple(str(address) for address in ip)))
    names = issue(ca, order).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [*map(x509.DNSName, dns), *map(x509.IPAddress, ip)]


@given(st.integers(0, 10 * 365 * DAY - 1), st.integers(1, 10 * 365 * DAY))
@example(1_577_664_000_000 - 1_419_120_000_000, 1000)
def test_validity_is_kept_across_2050(begin: int, length: int) -> None:
    """Not_before and not_after are the ordered times with whole seconds, before and after the year 2050."""
    ca = authority_of(now=YEAR_2045)
    order = order_for(ca, not_before=YEAR_2045 + begin, not_after=YEAR_2045 + begin + length)
    assume(order.not_after <= ca.not_after)
    certificate = issue(ca, order)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_before_utc == epoch + timedelta(seconds=order.not_before // 1000)
    assert certificate.not_valid_after_utc == epoch + timedelta(seconds=order.not_after // 1000)


def test_dates_from_2050_are_generalized_times() -> None:
    """A certificate that ends in 2050 has a UTCTime and a GeneralizedTime."""
    ca = authority_of(now=YEAR_2045)
    octets = finish(ca.issue(order_for(ca, not_before=2_524_607_999_000, not_after=2_524_608_000_000)))
    assert b"\x17\x0d491231235959Z\x18\x0f20500101000000Z" in octets


def refusal(ca: CertificateAuthority, kind: Kind = Kind.MOBILE, /, **changes: object) -> CertdeskError:
    """Return the error with which an order is refused."""
    with pytest.raises(CertdeskError) as caught:
        finish(ca.issue(order_for(ca, kind, **changes)))
    return caught.value


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        (Kind.MOBILE, {"country": "XX"}, "country"),
        (Kind.MOBILE, {"country": "fr"}, "country"),
        (Kind.MOBILE, {"state_or_province": "x" * 129}, "state_or_province"),
        (Kind.MOBILE, {"locality": "a\x00b"}, "locality"),
        (Kind.MOBILE, {"locality": "a\u202eb"}, "locality"),
        (Kind.MOBILE, {"organisation_name": ""}, "organisation_name"),
        (Kind.MOBILE, {"organisation_name": "x" * 65}, "organisation_name"),
        (Kind.MOBILE, {"common_name": ""}, "common_name"),
        (Kind.MANAGER, {"common_name": "x" * 65}, "common_name"),
        (Kind.MOBILE, {"common_name": "a\ud800"}, "common_name"),
        (Kind.MANAGER, {"email": ""}, "email"),
        (Kind.WORKSTATION, {"email": "jeanne"}, "email"),
        (Kind.WORKSTATION, {"email": "jérôme@poste.example"}, "email"),
        (Kind.WORKSTATION, {"names": Names(("a.example",))}, "names"),
        (Kind.SERVER, {"names": Names()}, "names"),
        (Kind.SERVER, {"names": Names(("a_b.example",))}, "names.dns"),
        (Kind.SERVER, {"names": Names(("a.*.example",))}, "names.dns"),
        (Kind.SERVER, {"names": Names(("é.example",))}, "names.dns"),
        (Kind.SERVER, {"names": Names(("a" * 64 + ".example",))}, "names.dns"),
        (Kind.SERVER, {"names": Names(ip=("192.0.2.256",))}, "names.ip"),
    ],
)
def test_the_profile_is_checked_again(kind: Kind, changes: dict[str, object], field: str) -> None:
    """What does not fit the profile is refused at its field, whatever policy said before."""
    assert refusal(authority_of(), kind, **changes).problem.field == field


def test_all_problems_are_told_at_once() -> None:
    """An order with several mistakes is refused for all of them."""
    problems = refusal(authority_of(), country="XX", email="x", common_name="").problems
    assert [problem.field for problem in problems] == ["country", "common_name", "email"]


@pytest.mark.parametrize(
    "serial_number", [b"", b"\x01" * 15, b"\x01" * 17, b"\x00" + b"\x01" * 15, b"\x80" + bytes(15)]
)
def test_a_serial_number_is_16_positive_octets(serial_number: bytes) -> None:
    """Another length, a leading zero or a negative serial number is a defect of the caller."""
    assert refusal(authority_of(), serial_number=serial_number).kind is ErrorKind.INTERNAL


@pytest.mark.parametrize(
    "changes",
    [
        {"not_before": NOW + DAY, "not_after": NOW + DAY},
        {"not_before": NOW - 2 * DAY},
        {"not_after": NOW + 4000 * DAY},
    ],
)
def test_no_certificate_outlives_its_issuer(changes: dict[str, object]) -> None:
    """A validity that is empty, or reaches beyond the issuing CA's, is refused."""
    assert refusal(authority_of(), **changes).kind is ErrorKind.INTERNAL


def test_a_certificate_may_last_as_long_as_its_issuer() -> None:
    """The issuing CA's `not_after` is the latest that may be ordered."""
    ca = authority_of()
    certificate = issue(ca, order_for(ca, not_after=ca.not_after))
    assert certificate.not_valid_after_utc == ca.issuing_certificate.not_valid_after_utc


@pytest.mark.parametrize("which", ["root", "issuing"])
@pytest.mark.parametrize("issuing", [KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_3072])
def test_the_authority_s_own_keys_are_refused(issuing: KeyAlgorithm, which: str) -> None:
    """A key of the root or of the issuing CA is no subject's key."""
    ca = authority_of(issuing)
    assert refusal(ca, spki=getattr(ca.hierarchy, which).spki).kind is ErrorKind.KEY_IN_USE


def raw_spki(key: PublicKeyTypes) -> bytes:
    """Return a key's SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a P-256 key with a compressed point."""
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
    return der.sequence(algorithm, der.bit_string(point))


def without_parameters(spki: bytes) -> bytes:
    """Return an RSA key whose algorithm lacks its NULL."""
    _algorithm, bits = der.parts(spki, der.whole(spki))
    return der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1")), spki[bits.begin : bits.end])


@pytest.mark.parametrize(
    "spki",
    [
        raw_spki(rsa.generate_private_key(65537, 1024).public_key()),  # noqa: S505 - that is the point
        raw_spki(ec.generate_private_key(ec.SECP256K1()).public_key()),
        raw_spki(ec.generate_private_key(ec.SECP224R1()).public_key()),
        raw_spki(ed448.Ed448PrivateKey.generate().public_key()),
        raw_spki(x25519.X25519PrivateKey.generate().public_key()),
        compressed(ec.generate_private_key(ec.SECP256R1()).public_key()),
        without_parameters(raw_spki(rsa.generate_private_key(65537, 2048).public_key())),
        raw_spki(ed25519.Ed25519PrivateKey.generate().public_key()) + b"\x00",
        b"",
        b"nonsense",
    ],
    ids=["RSA 1024", "secp256k1", "P-224", "Ed448", "X25519", "compressed", "no NULL", "longer", "empty", "nonsense"],
)
def test_other_keys_and_encodings_are_refused(spki: bytes) -> None:
    """Only keys of the certified kinds, in their one usual encoding, get a certificate."""
    assert refusal(authority_of(), spki=spki).kind is ErrorKind.WEAK_KEY


def test_serial_numbers_are_random_and_positive() -> None:
    """Serial numbers differ, have 16 octets, and need no leading zero to be positive."""
    serial_numbers = {authority_of().new_serial_number() for _ in range(1000)}
    assert len(serial_numbers) == 1000
    assert all(len(each) == 16 and 1 <= each[0] <= 0x7F for each in serial_numbers)


@given(st.binary(min_size=16, max_size=16))
def test_any_randomness_makes_a_good_serial_number(octets: bytes) -> None:
    """All but the first octet are taken as they come."""
    serial_number = new_serial_number(lambda count: octets[:count])
    assert 1 <= serial_number[0] <= 0x7F
    assert serial_number[1:] == octets[1:]
