"""One spelling for everything that is judged and kept; and whatever is typed, judgement comes to an end."""

import ipaddress
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from certdesk.domain.enrollment import Device, Kind, Names, Submission
from certdesk.domain.errors import CertdeskError
from certdesk.policy.submission import approved_names, judge, normalise, owner_of
from certdesk.wire.pkcs10 import parse_csr
from tests.unit.policy.examples import CSR, FACTS, MOBILE, ORGANISATION, SERVER
from tests.unit.wire.csr_maker import dns, ip, make_csr, names

WILD = replace(ORGANISATION, allow_wildcards=True)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+33123456789", "+33123456789"),
        ("+33 1 23 45 67 89", "+33123456789"),
        ("+33.1.23-45/67 89", "+33123456789"),
        ("0033 1 23 45 67 89", "+33123456789"),
        ("+33 (0)1 23 45 67 89", "+33123456789"),
        ("0033 (0) 1 23 45 67 89", "+33123456789"),
        ("+1 (415) 555-0100", "+14155550100"),
        ("+33\u00a01\u202f23\u201145\u201367 89", "+33123456789"),
        ("+683 4000", "+6834000"),
    ],
)
def test_phone_numbers(typed: str, kept: str) -> None:
    """Punctuation, the international prefix and a trunk zero in parentheses are no part of E.164."""
    submission = normalise(replace(MOBILE, phone=typed))
    assert submission.phone == kept
    assert judge(submission, CSR, ORGANISATION, FACTS) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Marie.Dupont@POSTE.Example ", "Marie.Dupont@poste.example"),
        ("marie+x@poste.example.", "marie+x@poste.example"),
        ("marie@BÜCHER.example", "marie@xn--bcher-kva.example"),
    ],
)
def test_email_addresses(typed: str, kept: str) -> None:
    """The domain is compared without case and kept in ASCII; the local part is kept as it is (RFC 5321 §2.4)."""
    submission = normalise(replace(MOBILE, email=typed))
    assert submission.email == kept
    assert judge(submission, CSR, ORGANISATION, FACTS) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("WWW.Example.ORG", "www.example.org"),
        ("www.example.org.", "www.example.org"),
        (" www.example.org\n", "www.example.org"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.Bücher.example", "*.xn--bcher-kva.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("www。example。org", "www.example.org"),
        ("straße.example", "xn--strae-oqa.example"),
        ("a..", "a.."),
        ("*.", "*."),
        ("a\u200db.example", "a\u200db.example"),
    ],
)
def test_dns_names(typed: str, kept: str) -> None:
    """Names are in lower case without the root's dot, U-labels as A-labels; what is no name stays to be refused."""
    assert normalise(replace(SERVER, names=Names((typed,)))).names.dns == (kept,)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.01", "192.0.2.01"),
    ],
)
def test_ip_addresses(typed: str, kept: str) -> None:
    """Addresses are compressed (RFC 5952); what is no address stays to be refused."""
    assert normalise(replace(SERVER, names=Names(ip=(typed,)))).names.ip == (kept,)


def test_text_is_composed_and_stripped() -> None:
    """Decomposed accents and white space at the ends make no difference; other kinds of space become U+0020."""
    submission = normalise(replace(MOBILE, locality=" \tSaint\u00a0E\u0301tienne\u3000", device=Device(" id\u2009")))
    assert (submission.locality, submission.device.id) == ("Saint \u00c9tienne", "id")


def test_description_becomes_one_line() -> None:
    """Lines of a description are joined by a space; in the other fields a line end stays, to be refused."""
    submission = normalise(replace(MOBILE, description="one\r\ntwo\n\nthree\n", locality="Ly\non"))
    assert (submission.description, submission.locality) == ("one two three", "Ly\non")


def test_approved_names_are_those_of_csr_and_submission() -> None:
    """A server gets the CSR's names, then the submission's, in one spelling and each once."""
    csr = parse_csr(make_csr(attributes=names(dns("B.example"), dns("a.example"), ip(192, 0, 2, 1))))
    submission = replace(SERVER, names=Names(("A.example.", "c.example"), ("192.0.2.1", "2001:DB8::1")))
    assert approved_names(submission, csr) == Names(
        ("b.example", "a.example", "c.example"), ("192.0.2.1", "2001:db8::1")
    )


@pytest.mark.parametrize("kind", [Kind.MOBILE, Kind.WORKSTATION, Kind.MANAGER])
def test_no_other_kind_has_approved_names(kind: Kind) -> None:
    """Whatever its CSR asks for, only a server's certificate carries DNS names and IP addresses."""
    csr = parse_csr(make_csr(attributes=names(dns("a.example"))))
    assert approved_names(replace(SERVER, kind=kind), csr) == Names()


def test_names_in_a_phones_csr_are_no_obstacle() -> None:
    """A device whose key store puts a name into every CSR gets its certificate without it."""
    csr = parse_csr(make_csr(attributes=names(dns("localhost"))))
    assert judge(MOBILE, csr, ORGANISATION, FACTS) == []


def test_owner_is_organisation_and_device() -> None:
    """The same device ID in another organisation is another owner."""
    assert owner_of(MOBILE) == "FRA1/356938035643809"


texts = st.text(max_size=20) | st.text("aA.-@+()0 1*:/xn\u00fc\u3002\u200d\u0301", max_size=20)
domains = st.from_regex(r"([a-z0-9-]{1,5}\.){1,3}[a-z]{2,4}", fullmatch=True)
submissions = st.builds(
    Submission,
    organisation=st.just("FRA1"),
    kind=st.sampled_from(Kind),
    csr=st.just(CSR.der),
    claim_sha256=st.just(bytes(32)),
    email=texts | st.emails(),
    phone=texts | st.just("+33123456789"),
    description=texts,
    state_or_province=texts,
    locality=texts,
    device=st.builds(Device, texts, texts, texts, texts),
    names=st.builds(
        Names,
        st.lists(texts | domains, max_size=3).map(tuple),
        st.lists(texts | st.ip_addresses().map(str), max_size=3).map(tuple),
    ),
    common_name=texts,
)


@given(submissions)
def test_any_text_can_be_judged(submission: Submission) -> None:
    """Whatever is typed, judgement returns problems with sentences, and one error can be made of them."""
    problems = judge(normalise(submission), CSR, WILD, FACTS)
    assert all(problem.text() and problem.field for problem in problems)
    assert not problems or CertdeskError.of(problems).problems == tuple(problems)


@given(submissions)
def test_normalising_twice_changes_nothing(submission: Submission) -> None:
    """The one spelling is its own spelling, so approval judges what submission judged."""
    once = normalise(submission)
    assert normalise(once) == once
    once = replace(once, names=approved_names(once, CSR))
    assert approved_names(once, CSR) == once.names


@given(st.lists(texts | domains, max_size=3), st.lists(texts | st.ip_addresses().map(str), max_size=2))
def test_accepted_names_fit_a_certificate(dns_names: list[str], addresses: list[str]) -> None:
    """Names that policy accepts are ASCII host names and addresses that X.509 can hold."""
    submission = normalise(replace(SERVER, names=Names(tuple(dns_names), tuple(addresses))))
    if not judge(submission, CSR, WILD, FACTS):
        for name in submission.names.dns:
            assert x509.DNSName(name).value == name
        for address in submission.names.ip:
            assert str(x509.IPAddress(ipaddress.ip_address(address)).value) == address


@given(texts, texts, texts | st.emails())
def test_accepted_fields_fit_a_certificate(state: str, locality: str, email: str) -> None:
    """Texts that policy accepts are within X.509's bounds and can be encoded."""
    submission = normalise(replace(MOBILE, state_or_province=state, locality=locality, email=email))
    if not judge(submission, CSR, ORGANISATION, FACTS):
        attributes = [
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, submission.state_or_province),
            x509.NameAttribute(NameOID.LOCALITY_NAME, submission.locality),
        ]
        assert x509.Name(attributes).public_bytes()
        assert x509.RFC822Name(submission.email).value == submission.email
