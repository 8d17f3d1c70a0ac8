"""Revocation lists, and when they are published."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from certdesk.ca.crl import ISSUING_CRL_VALIDITY, ROOT_CRL_VALIDITY, CRLPublisher, sign_crl
from certdesk.ca.signing import Validity
from certdesk.domain.clock import HOUR, MINUTE, SECOND
from certdesk.domain.enrollment import DAY
from certdesk.domain.states import RevocationReason
from certdesk.domain.validation import RevokedCertificate, StoredCRL
from certdesk.keys.signer import KeyAlgorithm
from tests.unit.ca.authorities import NOW, Time, authority_of, finish, hierarchy_of
from tests.unit.ca.builder import moment, signature_hash
from tests.unit.ca.memory import MemoryValidationStore

ISSUER = authority_of().issuer
ROOT = hierarchy_of().root.issuer

revocations = st.lists(
    st.builds(
        RevokedCertificate,
        st.integers(1, 2**127 - 1).map(lambda number: number.to_bytes((number.bit_length() + 8) // 8)),
        st.integers(NOW, NOW + 40 * 365 * DAY),
        st.sampled_from(RevocationReason),
    ),
    max_size=5,
    unique_by=lambda revoked: revoked.serial_number,
)


def serial_numbers(crl: StoredCRL) -> set[bytes]:
    """Return the serial numbers on a list."""
    return {entry.serial_number.to_bytes(16) for entry in x509.load_der_x509_crl(crl.der)}


def publisher_of(store: MemoryValidationStore, time: Time | None = None) -> CRLPublisher:
    """Return a publisher of the test CA."""
    return CRLPublisher(authority_of(), store, time or Time())


def built(
    algorithm: KeyAlgorithm, number: int, validity: Validity, revoked: list[RevokedCertificate]
) -> x509.CertificateRevocationList:
    """Return the list that cryptography's builder makes."""
    hierarchy = hierarchy_of(algorithm)
    identifier = hierarchy.issuing.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(hierarchy.issuing.certificate.subject)
        .last_update(moment(validity.not_before))
        .next_update(moment(validity.not_after))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(int.from_bytes(each.serial_number))
            .revocation_date(moment(each.revoked_at))
        )
        if each.reason is not RevocationReason.UNSPECIFIED:
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(each.reason.value)), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    private_key = hierarchy.issuing_signer.private_key
    return builder.sign(private_key, signature_hash(private_key))


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_3072, KeyAlgorithm.ED25519])
@given(number=st.integers(1, 2**64), begin=st.integers(NOW, NOW + 40 * 365 * DAY), revoked=revocations)
def test_it_is_what_the_builder_makes(
    algorithm: KeyAlgorithm, number: int, begin: int, revoked: list[RevokedCertificate]
) -> None:
    """Octet for octet, a list is what cryptography's builder makes, with and without entries."""
    hierarchy, validity = hierarchy_of(algorithm), Validity(begin, begin + ISSUING_CRL_VALIDITY)
    ours = x509.load_der_x509_crl(sign_crl(hierarchy.issuing_signer, hierarchy.issuing, number, validity, revoked))
    theirs = built(algorithm, number, validity, revoked)
    assert ours.tbs_certlist_bytes == theirs.tbs_certlist_bytes
    assert ours.is_signature_valid(hierarchy.issuing_signer.public_key)
    if isinstance(hierarchy.issuing_signer.private_key, ed25519.Ed25519PrivateKey):
        assert ours == theirs


async def test_the_first_list_has_number_one() -> None:
    """The first list of an issuer is number 1, signed by it and valid for 7 days."""
    store = MemoryValidationStore()
    crl = await publisher_of(store).publish()
    assert store.crls == {(ISSUER, 1): crl}
    assert crl.next_update - crl.this_update == 7 * DAY
    parsed = x509.load_der_x509_crl(crl.der)
    assert parsed.is_signature_valid(hierarchy_of().issuing_signer.public_key)
    assert parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1


async def test_each_list_has_the_next_number_and_all_revocations() -> None:
    """A list after a revocation has the next number and holds it with the earlier ones."""
    store = MemoryValidationStore()
    publisher = publisher_of(store)
    one, two = store.add(bytes([1] * 16)), store.add(bytes([2] * 16))
    store.revoke(one)
    first = await publisher.publish()
    store.revoke(two)
    second = await publisher.publish()
    assert (first.number, second.number) == (1, 2)
    assert (serial_numbers(first), serial_numbers(second)) == ({one}, {one, two})


async def test_times_on_a_list_are_whole_seconds() -> None:
    """The recorded times of a list are those that it states."""
    crl = await publisher_of(MemoryValidationStore(), Time(NOW // SECOND * SECOND + 999)).publish()
    parsed = x509.load_der_x509_crl(crl.der)
    assert (moment(crl.this_update), moment(crl.next_update)) == (parsed.last_update_utc, parsed.next_update_utc)
    assert (crl.this_update % SECOND, crl.next_update % SECOND) == (0, 0)


async def test_a_clock_set_back_makes_no_older_list() -> None:
    """A later number never has an earlier this_update."""
    store, time = MemoryValidationStore(), Time()
    publisher = publisher_of(store, time)
    first = await publisher.publish()
    time.now -= HOUR
    second = await publisher.publish()
    assert (second.number, second.this_update) == (2, first.this_update)


async def test_an_expired_certificate_is_on_one_more_list() -> None:
    """A revoked certificate leaves the lists only after one that was made past its expiry (RFC 5280 §3.3)."""
    store, time = MemoryValidationStore(), Time()
    publisher = publisher_of(store, time)
    serial_number = store.add(bytes([1] * 16), not_after=NOW + HOUR)
    store.revoke(serial_number)
    listed = []
    for _ in range(4):
        listed.append(serial_number in serial_numbers(await publisher.publish()))
        time.now += 2 * DAY
    assert listed == [True, True, False, False]


class RacingStore(MemoryValidationStore):
    """A store in which, between reading revocations and adding the list, another certificate is revoked."""

    rivals = 0

    async def add_crl(self, crl: StoredCRL) -> bool:
        """Let a rival, which has read later, take the number first, three times."""
        if self.rivals < 3:
            self.rivals += 1
            self.revoke(self.add(bytes([self.rivals] * 16)))
            hierarchy = hierarchy_of()
            revoked = await self.revoked(crl.issuer, 0)
            validity = Validity(crl.this_update, crl.next_update)
            der = sign_crl(hierarchy.issuing_signer, hierarchy.issuing, crl.number, validity, revoked)
            await super().add_crl(replace(crl, der=der))
        return await super().add_crl(crl)


async def test_who_loses_the_number_reads_again() -> None:
    """A publisher whose number was taken makes a new list with what the winner had, under the next number."""
    store = RacingStore()
    crl = await publisher_of(store).publish()
    assert crl.number == 4
    assert serial_numbers(crl) == {bytes([1] * 16), bytes([2] * 16), bytes([3] * 16)}


async def test_lists_only_grow_with_many_publishers() -> None:
    """With publishers of several processes at once, numbers have no gap and no later list lacks a revocation."""
    store = MemoryValidationStore()
    publishers = [publisher_of(store) for _ in range(4)]
    seen: dict[bytes, int] = {}

    async def revoke(number: int) -> None:
        serial_number = store.add((2**120 + number).to_bytes(16))
        store.revoke(serial_number)
        seen[serial_number] = (await publishers[number % 4].publish()).number

    await asyncio.gather(*map(revoke, range(1, 41)))
    lists = [store.crls[ISSUER, number] for number in range(1, len(store.crls) + 1)]
    contents = [serial_numbers(crl) for crl in lists]
    assert all(earlier <= later for earlier, later in itertools.pairwise(contents))
    assert all(serial_number in contents[number - 1] for serial_number, number in seen.items())


async def test_callers_share_a_list() -> None:
    """A hundred revocations at once need two lists: the one being made, and one for all who came meanwhile."""
    store = MemoryValidationStore()
    publisher = publisher_of(store)
    crls = await asyncio.gather(*(publisher.publish() for _ in range(100)))
    assert {crl.number for crl in crls} == {1, 2}


class FailingStore(MemoryValidationStore):
    """A store whose second list cannot be written."""

    async def add_crl(self, crl: StoredCRL) -> bool:
        """Fail once, at the second list."""
        if crl.number == 2 and self.reads == 0:
            self.reads = 1
            raise OSError("disk full")
        return await super().add_crl(crl)


async def test_nobody_shares_a_failure() -> None:
    """Of callers who wait together, the first gets the failure and the next tries again; none gets an old list."""
    publisher = publisher_of(FailingStore())
    answers = await asyncio.gather(*(publisher.publish() for _ in range(4)), return_exceptions=True)
    assert [answer.number if isinstance(answer, StoredCRL) else str(answer) for answer in answers] == [
        1,
        "disk full",
        2,
        2,
    ]


async def test_renewal_publishes_what_is_missing() -> None:
    """The first renewal makes a list of each CA; the root's is signed by the root and valid for a year."""
    store = MemoryValidationStore()
    store.revoke(store.add(bytes([1] * 16)))
    await publisher_of(store).renew_if_due()
    assert set(store.crls) == {(ISSUER, 1), (ROOT, 1)}
    crl = store.crls[ROOT, 1]
    assert crl.next_update - crl.this_update == 365 * DAY
    parsed = x509.load_der_x509_crl(crl.der)
    assert parsed.issuer == hierarchy_of().root.certificate.subject
    assert parsed.is_signature_valid(hierarchy_of().root_signer().public_key)
    assert len(parsed) == 0


@pytest.mark.parametrize(
    ("later", "numbers"),
    [
        (0, {(ISSUER, 1), (ROOT, 1)}),
        (ISSUING_CRL_VALIDITY // 2 - MINUTE, {(ISSUER, 1), (ROOT, 1)}),
        (ISSUING_CRL_VALIDITY // 2 + MINUTE, {(ISSUER, 1), (ISSUER, 2), (ROOT, 1)}),
        (ROOT_CRL_VALIDITY // 2 + MINUTE, {(ISSUER, 1), (ISSUER, 2), (ROOT, 1), (ROOT, 2)}),
    ],
)
async def test_renewal_is_due_at_half_of_the_validity(later: int, numbers: set[tuple[str, int]]) -> None:
    """A list is renewed when less than half of its validity remains, and not before."""
    store, time = MemoryValidationStore(), Time()
    publisher = publisher_of(store, time)
    await publisher.renew_if_due()
    time.now += later
    await publisher.renew_if_due()
    assert set(store.crls) == numbers


def test_a_large_list_is_made_in_linear_time() -> None:
    """Ten thousand entries are read back as they were written."""
    revoked = [
        RevokedCertificate(number.to_bytes(3), NOW, RevocationReason.SUPERSEDED)
        for number in range(2**16, 2**16 + 10_000)
    ]
    hierarchy = hierarchy_of()
    der = sign_crl(hierarchy.issuing_signer, hierarchy.issuing, 1, Validity(NOW, NOW + DAY), revoked)
    assert len(x509.load_der_x509_crl(der)) == 10_000


def test_publishers_are_independent_of_the_loop() -> None:
    """A publisher made outside an event loop works in it."""
    assert finish(publisher_of(MemoryValidationStore()).publish()).number == 1
