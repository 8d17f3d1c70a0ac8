"""Reading CSRs: every way in which one can be wrong has its own sentence."""

import base64
import hashlib
import random
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.domain.enrollment import Names
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.wire.pkcs10 import LARGEST_CSR, parse_csr
from tests.unit.wire.csr_maker import (
    ECDSA_WITH_SHA256,
    ED25519_OID,
    KEY,
    NULL,
    challenge,
    dns,
    ec_spki,
    email,
    extension,
    integer,
    ip,
    make_csr,
    names,
    oid,
    other_name,
    pem,
    rdn,
    requested,
    rsa_spki,
    sequence,
    spki_of,
    tlv,
    uri,
)

P256 = oid("1.2.840.10045.3.1.7")
SPKI = spki_of(KEY.public_key())
POINT = SPKI[-65:]
CSR = make_csr()
MODULUS = random.Random(2048).getrandbits(2048) | 1 << 2047 | 1  # nobody's key
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
EXPLICIT_P256 = sequence(
    integer(1),
    sequence(oid("1.2.840.10045.1.1"), integer(PRIME)),
    sequence(
        tlv(0x04, (PRIME - 3).to_bytes(32)),
        tlv(0x04, bytes.fromhex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")),
    ),
    tlv(
        0x04,
        bytes.fromhex(
            "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        ),
    ),
    integer(0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    integer(1),
)
"""What the named curve stands for, spelt out: the opening of CVE-2020-0601."""


@dataclass(frozen=True)
class Bad:
    """A CSR that is refused, and how."""

    name: str
    csr: bytes | str
    sentence: str
    kind: ErrorKind = ErrorKind.BAD_CSR


NO_CSR = "this is not a CSR: a PKCS#10 request in PEM or DER is expected"
DAMAGED = "the CSR is damaged, or is not a PKCS#10 request in DER"
NOT_BASE64 = "the CSR's PEM block is not base64"
UNUSUAL = "the CSR's key is not encoded as usual: a named curve and an uncompressed point, or plain RSA"
DAMAGED_KEY = "the CSR's public key is damaged"
UNKNOWN_KEY = "the key's algorithm or curve is not known to the desk: use EC P-256"
EXPONENT = "an RSA key's public exponent is an odd number from 3 to 2147483647"
UNREADABLE = "the CSR's requested extensions cannot be read"
PRIVATE = "this holds a private key, which must never be sent: make a new key, and send only its CSR"

BAD = [
    Bad("nothing", b"", NO_CSR),
    Bad("only spaces", " \n\t", NO_CSR),
    Bad("prose", "please give me a certificate", NO_CSR),
    Bad("lone surrogate", "\udc80", NO_CSR),
    Bad("UTF-16", pem(CSR).encode("utf-16"), NO_CSR),
    Bad("5 MB of DER", b"\x30\x83\x50\x00\x00" + bytes(5_242_880), "a CSR may have 32768 bytes, this one has 5242885"),
    Bad("5 MB of PEM", pem(bytes(3_881_124)), "a CSR may have 32768 bytes, this one has 5242992"),
    Bad("one byte too many", b"\x30" * (LARGEST_CSR + 1), "a CSR may have 32768 bytes, this one has 32769"),
    Bad("private key", pem(b"secret", "PRIVATE KEY"), PRIVATE),
    Bad("private key beside the CSR", pem(CSR) + pem(b"secret", "EC PRIVATE KEY"), PRIVATE),
    Bad("two CSRs", pem(CSR) + pem(CSR), "one CSR is expected, these are 2 PEM blocks"),
    Bad("CSR and certificate", pem(CSR) + pem(b"x", "CERTIFICATE"), "one CSR is expected, these are 2 PEM blocks"),
    Bad("certificate", pem(b"x", "CERTIFICATE"), "this PEM block is a CERTIFICATE, a CERTIFICATE REQUEST is expected"),
    Bad("label of odd characters", pem(CSR, "\x1b[2J"), "this PEM block is a ?, a CERTIFICATE REQUEST is expected"),
    Bad("cut off", pem(CSR)[:100], "the CSR's PEM block has no end: it was cut off"),
    Bad(
        "ends as something else",
        pem(CSR).replace("END CERTIFICATE REQUEST", "END CERTIFICATE"),
        "the CSR's PEM block has no end: it was cut off",
    ),
    Bad("NUL within PEM", pem(CSR).replace("\n", "\n\0", 1), NOT_BASE64),
    Bad("letters beyond ASCII within PEM", pem(CSR).replace("\n", "\né", 1), NOT_BASE64),
    Bad("header within PEM", pem(CSR).replace("\n", "\nProc-Type: 4,ENCRYPTED\n", 1), NOT_BASE64),
    Bad("padding in the middle", pem(CSR).replace("\n", "\nAA==", 1), NOT_BASE64),
    Bad("empty PEM", pem(b""), DAMAGED),
    Bad("trailing data after DER", CSR + b"\0", DAMAGED),
    Bad("trailing data within PEM", pem(CSR + b"\n"), DAMAGED),
    Bad("truncated DER", CSR[:-1], DAMAGED),
    Bad("indefinite length", b"\x30\x80" + CSR[3:] + b"\0\0", DAMAGED),
    Bad("another structure", pem(sequence(integer(1), integer(2))), DAMAGED),
    Bad("version 2", make_csr(version=1), DAMAGED),
    Bad("exponent zero", make_csr(spki=rsa_spki(MODULUS, 0)), EXPONENT, ErrorKind.WEAK_KEY),
    Bad("exponent one", make_csr(spki=rsa_spki(MODULUS, 1)), EXPONENT, ErrorKind.WEAK_KEY),
    Bad("exponent two", make_csr(spki=rsa_spki(MODULUS, 2)), EXPONENT, ErrorKind.WEAK_KEY),
    Bad("exponent even", make_csr(spki=rsa_spki(MODULUS, 65536)), EXPONENT, ErrorKind.WEAK_KEY),
    Bad("exponent negative", make_csr(spki=rsa_spki(MODULUS, -65537)), DAMAGED_KEY),
    Bad("modulus zero", make_csr(spki=rsa_spki(0)), DAMAGED_KEY),
    Bad("modulus negative", make_csr(spki=rsa_spki(-MODULUS)), DAMAGED_KEY),
    Bad("RSA without its NULL", make_csr(spki=rsa_spki(MODULUS, parameters=b"")), UNUSUAL),
    Bad("RSASSA-PSS key", make_csr(spki=rsa_spki(MODULUS, algorithm="1.2.840.113549.1.1.10", parameters=b"")), UNUSUAL),
    Bad("explicit curve parameters", make_csr(spki=ec_spki(EXPLICIT_P256, POINT)), UNUSUAL),
    Bad("compressed point", make_csr(spki=ec_spki(P256, bytes([2 + POINT[-1] % 2]) + POINT[1:33])), UNUSUAL),
    Bad("hybrid point", make_csr(spki=ec_spki(P256, bytes([6 + POINT[-1] % 2]) + POINT[1:])), UNUSUAL),
    Bad("point at infinity", make_csr(spki=ec_spki(P256, b"\0")), DAMAGED_KEY),
    Bad("point beside the curve", make_csr(spki=ec_spki(P256, POINT[:-1] + bytes([POINT[-1] ^ 1]))), DAMAGED_KEY),
    Bad("curve of the CA", make_csr(spki=ec_spki(NULL, POINT)), UNKNOWN_KEY, ErrorKind.WEAK_KEY),
    Bad("unknown curve", make_csr(spki=ec_spki(oid("1.2.3.4"), POINT)), UNKNOWN_KEY, ErrorKind.WEAK_KEY),
    Bad(
        "unknown key algorithm",
        make_csr(spki=sequence(sequence(oid("1.2.3.4")), tlv(0x03, b"\0key"))),
        UNKNOWN_KEY,
        ErrorKind.WEAK_KEY,
    ),
    Bad(
        "unknown signature algorithm",
        make_csr(algorithm=sequence(oid("1.2.3.4"))),
        "the CSR's signature algorithm is not known to the desk",
    ),
    Bad(
        "MD2 signature",
        make_csr(algorithm=sequence(oid("1.2.840.113549.1.1.2"), NULL)),
        "the CSR's signature algorithm is not known to the desk",
    ),
    Bad("x400Address", make_csr(attributes=names(tlv(0xA3))), UNREADABLE),
    Bad("ediPartyName", make_csr(attributes=names(tlv(0xA5))), UNREADABLE),
    Bad("IP address of three octets", make_csr(attributes=names(ip(1, 2, 3))), UNREADABLE),
    Bad("IP address with a bad mask", make_csr(attributes=names(ip(10, 0, 0, 0, 255, 0, 255, 0))), UNREADABLE),
    Bad("DNS name in Latin-1", make_csr(attributes=names(tlv(0x82, b"b\xfccher.example"))), UNREADABLE),
    Bad("extension of junk", make_csr(attributes=requested(extension("2.5.29.15", b"junk"))), UNREADABLE),
    Bad(
        "names twice",
        make_csr(attributes=requested(*[extension("2.5.29.17", sequence(dns("a.example")))] * 2)),
        UNREADABLE,
    ),
    Bad(
        "two values in the attribute",
        make_csr(
            attributes=sequence(
                oid("1.2.840.113549.1.9.14"),
                tlv(0x31, *[sequence(extension("2.5.29.17", sequence(dns(name)))) for name in "ab"]),
            )
        ),
        UNREADABLE,
    ),
]

FORGED = "the CSR's signature does not verify: it was not made by the CSR's own key, or was altered"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_csr_is_refused_with_its_sentence(bad: Bad) -> None:
    """A CSR that is wrong in a known way is refused by a sentence of its own, at the field `csr`."""
    with pytest.raises(CertdeskError) as caught:
        parse_csr(bad.csr).verify()
    assert (caught.value.kind, caught.value.problem.field, str(caught.value)) == (bad.kind, "csr", bad.sentence)


@pytest.mark.parametrize(
    "written",
    [
        CSR,
        bytearray(CSR),
        pem(CSR),
        pem(CSR).encode(),
        pem(CSR, "NEW CERTIFICATE REQUEST"),
        pem(CSR).replace("\n", "\r\n"),
        "\ufeff" + pem(CSR),
        "Certificate Request:\n    Data: é\n" + pem(CSR) + "\n\n",
        pem(CSR).replace("\n", "\n \t", 3),
        "-----BEGIN CERTIFICATE REQUEST-----" + base64.b64encode(CSR).decode() + "-----END CERTIFICATE REQUEST-----",
    ],
    ids=["DER", "bytearray", "PEM", "PEM bytes", "NEW", "CRLF", "BOM", "text around", "indented", "one line"],
)
def test_every_usual_spelling_is_the_same_csr(written: bytes | str) -> None:
    """DER and every usual form of PEM give the same CSR."""
    assert parse_csr(written) == parse_csr(CSR)


def test_fields_are_those_of_the_request() -> None:
    """The parsed CSR carries the key's DER, its SHA-256, the signature's hash and the DER itself."""
    csr = parse_csr(CSR)
    csr.verify()
    assert (csr.der, csr.spki, csr.spki_sha256) == (CSR, SPKI, hashlib.sha256(SPKI).digest())
    assert csr.signature_hash == "sha256"
    assert (csr.names, csr.emails, csr.other_names) == (Names(), (), ())


def test_names_are_returned_as_they_are_written() -> None:
    """Each type of name is found in its order, and nothing is mended, decoded or left out."""
    wanted = names(
        dns("B.example.org"),
        ip(192, 0, 2, 1),
        email("a@example.org"),
        dns("bücher.example"),
        dns("a.example\0.evil.example"),
        ip(*bytes.fromhex("20010db8000000000000000000000001")),
        other_name(),
        uri("https://example.org"),
        tlv(0x88, b"\x2a\x03"),
        ip(10, 0, 0, 0, 255, 0, 0, 0),
    )
    csr = parse_csr(make_csr(attributes=wanted))
    assert csr.names.dns == ("B.example.org", "bücher.example", "a.example\0.evil.example")
    assert csr.names.ip == ("192.0.2.1", "2001:db8::1", "10.0.0.0/8")
    assert csr.emails == ("a@example.org",)
    assert csr.other_names == ("OtherName", "UniformResourceIdentifier", "RegisteredID")


CN, SERIAL = "2.5.4.3", "2.5.4.5"


@pytest.mark.parametrize(
    "der",
    [
        make_csr(attributes=challenge("s3cret") + names(dns("a.example.org"))),
        make_csr(attributes=names(dns("a.example.org")) + challenge("s3cret")),
        make_csr(attributes=names(dns("a.example.org")) + challenge("s3cret"), subject=rdn((CN, 0x13, b"*@printer_7"))),
    ],
    ids=["sorted", "not sorted", "characters that a PrintableString has not"],
)
def test_a_csr_out_of_order_verifies_over_the_octets_that_were_sent(der: bytes) -> None:
    """Whatever the order of its attributes, names and password are found, and what was signed is what is verified."""
    csr = parse_csr(der)
    csr.verify()
    assert csr.names.dns == ("a.example.org",)
    assert csr.attribute("1.2.840.113549.1.9.7") == "s3cret"
    assert csr.der == der
    assert csr.info in der


@pytest.mark.parametrize("attributes", [challenge("s3cret"), names(dns("a.example.org")) + challenge("s3cret")])
def test_a_csr_is_kept_without_its_password(attributes: bytes) -> None:
    """What is kept has no password, says so, and is the same CSR in every other respect but its signature."""
    csr = parse_csr(make_csr(attributes=attributes))
    kept = parse_csr(csr.redacted())
    assert b"s3cret" not in kept.der
    assert (kept.is_redacted, csr.is_redacted) == (True, False)
    assert (kept.spki, kept.names, len(kept.der)) == (csr.spki, csr.names, len(csr.der))
    assert parse_csr(kept.redacted()) == kept
    with pytest.raises(CertdeskError, match="does not verify"):
        kept.verify()
    plain = parse_csr(CSR)
    assert (plain.redacted(), plain.is_redacted) == (CSR, False)


@pytest.mark.parametrize("scheme", ["RSA", "PSS", "Ed25519"])
def test_a_csr_out_of_order_verifies_with_every_kind_of_key(scheme: str) -> None:
    """RSA in both paddings and Ed25519 sign attributes in any order, and a changed octet is noticed as ever."""
    rsa_key, ed_key = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    sha256_id = sequence(oid("2.16.840.1.101.3.4.2.1"), NULL)
    mgf = sequence(oid("1.2.840.113549.1.1.8"), sha256_id)
    parameters = sequence(tlv(0xA0, sha256_id), tlv(0xA1, mgf), tlv(0xA2, integer(32)))
    spki, algorithm, sign = {
        "RSA": (
            spki_of(rsa_key.public_key()),
            sequence(oid("1.2.840.113549.1.1.11"), NULL),
            lambda octets: rsa_key.sign(octets, padding.PKCS1v15(), hashes.SHA256()),
        ),
        "PSS": (
            spki_of(rsa_key.public_key()),
            sequence(oid("1.2.840.113549.1.1.10"), parameters),
            lambda octets: rsa_key.sign(octets, pss, hashes.SHA256()),
        ),
        "Ed25519": (spki_of(ed_key.public_key()), sequence(oid(ED25519_OID)), ed_key.sign),
    }[scheme]
    attributes = names(dns("a.example.org")) + challenge("s3cret")
    der = make_csr(spki=spki, attributes=attributes, algorithm=algorithm, sign=sign)
    parse_csr(der).verify()
    with pytest.raises(CertdeskError, match="does not verify"):
        parse_csr(der.replace(b"s3cret", b"s3creT")).verify()


def test_attributes_may_be_missing_altogether() -> None:
    """A CSR without the set of attributes, which RFC 2986 wants even when it is empty, is read as if it were."""
    csr = parse_csr(make_csr(attributes=None))
    csr.verify()
    assert csr.attribute("1.2.840.113549.1.9.7") is None


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        (b"", ()),
        (rdn((CN, 0x0C, "Zähler".encode())), ((CN, "Zähler"),)),
        (rdn((CN, 0x14, b"T\xe9l\xe9x")), ((CN, "Téléx"),)),
        (rdn((CN, 0x1E, "Ω".encode("utf-16-be"))), ((CN, "Ω"),)),
        (rdn((SERIAL, 0x13, b"7"), (CN, 0x13, b"a")), ((SERIAL, "7"), (CN, "a"))),
        (rdn((CN, 0x0C, b"\xff")), ((CN, "\N{REPLACEMENT CHARACTER}"),)),
        (rdn((CN, 0x04, b"octets")), ((CN, ""),)),
    ],
    ids=["none", "UTF-8", "Teletex", "BMP", "two at once", "not UTF-8", "no string"],
)
def test_a_subject_is_read_as_it_is_meant(subject: bytes, read: tuple[tuple[str, str], ...]) -> None:
    """Every string type is read, in the order in which it stands, and what is no text is not made up."""
    csr = parse_csr(make_csr(subject=subject))
    csr.verify()
    assert csr.subject() == read


def test_signature_by_another_key_is_refused() -> None:
    """Who does not hold the key cannot have it certified."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    csr = parse_csr(make_csr(spki=spki_of(other)))
    with pytest.raises(CertdeskError) as caught:
        csr.verify()
    assert (caught.value.kind, str(caught.value)) == (ErrorKind.BAD_CSR, FORGED)


@pytest.mark.parametrize(
    "algorithm",
    [
        sequence(oid("1.2.840.113549.1.1.11"), NULL),
        sequence(oid("1.2.840.10045.4.3.3")),
        sequence(oid(ED25519_OID)),
        ECDSA_WITH_SHA256[:1] + bytes([ECDSA_WITH_SHA256[1] + 2]) + ECDSA_WITH_SHA256[2:] + NULL,
    ],
    ids=["RSA", "another hash", "Ed25519", "with a NULL"],
)
def test_signature_under_another_algorithm_is_refused(algorithm: bytes) -> None:
    """A good ECDSA signature does not verify when the CSR says that it is another."""
    with pytest.raises(CertdeskError) as caught:
        parse_csr(make_csr(algorithm=algorithm)).verify()
    assert caught.value.kind is ErrorKind.BAD_CSR


@pytest.mark.parametrize("scheme", ["PKCS#1", "PSS", "Ed25519", "P-384"])
def test_other_good_signatures_verify(scheme: str) -> None:
    """RSA in both paddings, Ed25519 and other curves prove possession like P-256."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if scheme == "PSS":
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        request = builder.sign(rsa_key, hashes.SHA256(), rsa_padding=pss)
    elif scheme == "Ed25519":
        request = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    elif scheme == "P-384":
        request = builder.sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384())
    else:
        request = builder.sign(rsa_key, hashes.SHA256())
    csr = parse_csr(request.public_bytes(Encoding.DER))
    csr.verify()
    assert csr.signature_hash == {"Ed25519": None, "P-384": "sha384"}.get(scheme, "sha256")


def test_no_single_changed_byte_goes_unnoticed() -> None:
    """A CSR with any one bit turned is refused by the parser or by its signature.

    The count of unused bits in the signature's BIT STRING is left out: it says nothing, and often may be 1.
    """
    csr = make_csr(attributes=names(dns("a.example.org")))
    unused_bits = csr.index(ECDSA_WITH_SHA256) + len(ECDSA_WITH_SHA256) + 2
    for place in set(range(len(csr))) - {unused_bits}:
        for bit in range(8):
            changed = bytearray(csr)
            changed[place] ^= 1 << bit
            with pytest.raises(CertdeskError):
                parse_csr(bytes(changed)).verify()
