"""What organisations publish, on both databases: files that come and go in chunks, and words."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from hashlib import sha256

import pytest

from certdesk.domain.enrollment import DAY
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.publication import CHUNK, LARGEST_FILE, SHARED, PublicationText, PublishedFile
from certdesk.store.database import Change, must
from tests.desks import ADMINISTRATOR, FRENCH_AUDITOR, FRENCH_MANAGER, TestDesk

APK = b"PK\x03\x04" + b"\x14\x00" * 40 + b"AndroidManifest.xml" + bytes(range(256)) * 2100


async def _upload(
    desk: TestDesk, octets: bytes = APK, name: str = "Enroll.apk", code: str = "FRA1", version: str = "1.0"
) -> PublishedFile:
    upload = await desk.ra.begin_upload(code, name, version, ADMINISTRATOR)
    for begin in range(0, len(octets), 100_001):
        await upload.write(octets[begin : begin + 100_001])
    return await upload.finish()


async def _octets(desk: TestDesk, file: PublishedFile) -> bytes:
    count = -(-file.size // CHUNK)
    return b"".join([await desk.ra.file_chunk(file, number) for number in range(count)])


async def _last_event(desk: TestDesk) -> tuple[str, dict[str, str]]:
    event = (await desk.store.events.after("", 1000))[-1].event
    return event.action, event.facts


async def _kind_of(refused: Awaitable[object]) -> ErrorKind:
    with pytest.raises(CertdeskError) as error:
        await refused
    return error.value.kind


async def test_a_file_comes_back_as_it_was(desk: TestDesk) -> None:
    """What was uploaded piece by piece is offered with its size, checksum and type, and is the same octets."""
    uploaded = await _upload(desk)
    file = await desk.ra.published_file("FRA1", "Enroll.apk")
    assert file == uploaded
    assert (file.size, file.sha256) == (len(APK), sha256(APK).digest())
    assert file.media_type == "application/vnd.android.package-archive"
    assert await _octets(desk, file) == APK
    assert await _last_event(desk) == (
        "file.published",
        {"version": "1.0", "size": str(len(APK)), "sha256": sha256(APK).hexdigest()},
    )


async def test_a_replaced_file_can_be_downloaded_to_its_end(desk: TestDesk) -> None:
    """Whoever began a download before a file was replaced finishes it; a day later its octets are gone."""
    old = await _upload(desk)
    new = await _upload(desk, APK + b"newer", version="1.1")
    assert await desk.ra.published_file("FRA1", "Enroll.apk") == new
    action, facts = await _last_event(desk)
    assert (action, facts["was_version"], facts["version"]) == ("file.replaced", "1.0", "1.1")
    assert not await desk.ra.forget_uploads()
    assert await _octets(desk, old) == APK
    desk.time.now += DAY + 1
    while await desk.ra.forget_uploads():
        pass
    assert await _kind_of(desk.ra.file_chunk(old, 0)) is ErrorKind.UNAVAILABLE
    assert await _octets(desk, new) == APK + b"newer"
    assert [row[0] for row in await desk.store.database.rows("SELECT upload FROM uploads", {})] == [new.upload]


async def test_what_was_not_finished_is_forgotten(desk: TestDesk) -> None:
    """An upload that broke off is offered to nobody, and its chunks are removed a day later."""
    upload = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.0", ADMINISTRATOR)
    await upload.write(APK[: CHUNK + 1])
    assert await _kind_of(desk.ra.published_file("FRA1", "Enroll.apk")) is ErrorKind.NOT_FOUND
    desk.time.now += DAY + 1
    while await desk.ra.forget_uploads():
        pass
    assert await desk.store.database.row("SELECT 1 FROM file_chunks", {}) is None


async def test_of_two_who_upload_one_name_the_second_is_told(desk: TestDesk) -> None:
    """Nobody replaces a file that they have not seen."""
    first = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.0", ADMINISTRATOR)
    second = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.1", ADMINISTRATOR)
    for upload in (first, second):
        await upload.write(APK)
    file = await first.finish()
    assert await _kind_of(second.finish()) is ErrorKind.CONFLICT
    third = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.2", ADMINISTRATOR)
    await third.write(APK)
    await desk.ra.remove_file("FRA1", "Enroll.apk", ADMINISTRATOR)
    assert (await _last_event(desk))[1]["was_sha256"] == file.sha256.hex()
    assert await _kind_of(third.finish()) is ErrorKind.CONFLICT


async def test_a_file_without_all_its_chunks_is_not_published(desk: TestDesk) -> None:
    """If a chunk got lost before the end, nothing is published."""
    upload = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.0", ADMINISTRATOR)
    await upload.write(APK)
    assert await desk.store.database.apply(Change(must("DELETE FROM file_chunks WHERE number = 0")), {})
    assert await _kind_of(upload.finish()) is ErrorKind.CONFLICT
    assert await desk.store.publications.files("FRA1") == []


async def test_shared_files_are_offered_where_there_is_no_own_one(desk: TestDesk) -> None:
    """A file for all is every organisation's, until one has its own of the same name."""
    shared = await _upload(desk, code=SHARED)
    own = await _upload(desk, code="FRA1", version="1.1")
    assert await desk.ra.published_file("FRA1", "Enroll.apk") == own
    assert await desk.ra.published_file("DEU1", "Enroll.apk") == shared
    assert (await desk.ra.public_page("FRA1", "en")).files == (own,)
    assert (await desk.ra.public_page("DEU1", "en")).files == (shared,)
    publication = await desk.ra.publication("DEU1", ADMINISTRATOR)
    assert (publication.files, publication.shared) == ((), (shared,))
    await desk.ra.remove_file("FRA1", "Enroll.apk", ADMINISTRATOR)
    assert await desk.ra.published_file("FRA1", "Enroll.apk") == shared


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("Enroll.apk", b"MZ" + APK),
        ("Enroll.apk", b"PK\x03\x04 a zip of something else"),
        ("Enroll.apk", b""),
        ("client.exe", APK),
        ("client.deb", b"!<arch>\nsomething"),
    ],
)
async def test_a_file_must_be_what_its_name_says(desk: TestDesk, name: str, octets: bytes) -> None:
    """A file of another kind than its ending says is refused."""
    assert await _kind_of(_upload(desk, octets, name)) is ErrorKind.INVALID_FIELD
    assert await desk.store.publications.files("FRA1") == []


async def test_a_file_may_not_be_larger_than_the_limit(desk: TestDesk) -> None:
    """One octet more than the limit is refused when it arrives."""
    upload = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.0", ADMINISTRATOR)
    upload._size = LARGEST_FILE
    assert await _kind_of(upload.write(b"x")) is ErrorKind.TOO_LARGE


async def test_the_manifest_is_found_across_pieces(desk: TestDesk) -> None:
    """However an APK is cut into pieces, it is recognised."""
    upload = await desk.ra.begin_upload("FRA1", "Enroll.apk", "1.0", ADMINISTRATOR)
    for octet in APK[:200]:
        await upload.write(bytes([octet]))
    assert (await upload.finish()).size == 200


async def test_only_administrators_publish(desk: TestDesk) -> None:
    """Managers and auditors change nothing, and nobody learns of another organisation's publication."""
    for by in (FRENCH_MANAGER, FRENCH_AUDITOR):
        assert await _kind_of(desk.ra.begin_upload("FRA1", "a.apk", "1", by)) is ErrorKind.FORBIDDEN
        assert await _kind_of(desk.ra.remove_file("FRA1", "a.apk", by)) is ErrorKind.FORBIDDEN
        assert await _kind_of(desk.ra.write_publication(PublicationText("FRA1", "en"), by)) is ErrorKind.FORBIDDEN
        assert await _kind_of(desk.ra.publication("DEU1", by)) is ErrorKind.NOT_FOUND
        assert await _kind_of(desk.ra.publication(SHARED, by)) is ErrorKind.NOT_FOUND
    assert await _kind_of(desk.ra.begin_upload("XX", "a.apk", "1", ADMINISTRATOR)) is ErrorKind.NOT_FOUND


async def test_words_are_kept_by_language_and_nobody_overwrites_unseen(desk: TestDesk) -> None:
    """Each language has its words; a second editor of the same version is told of the first."""
    french = PublicationText("FRA1", "fr", "Bonjour\r\n\r\nVoici", contact="cert@poste.example ")
    kept = await desk.ra.write_publication(french, ADMINISTRATOR)
    assert (kept.introduction, kept.contact) == ("Bonjour\n\nVoici", "cert@poste.example")
    assert (await desk.ra.public_page("FRA1", "fr")).text == kept
    assert (await desk.ra.public_page("FRA1", "en")).text == PublicationText("FRA1", "en", contact=kept.contact)
    assert await _kind_of(desk.ra.write_publication(french, ADMINISTRATOR)) is ErrorKind.CONFLICT
    newer = await desk.ra.write_publication(replace(kept, introduction="Salut"), ADMINISTRATOR)
    assert newer.updated_at > kept.updated_at
    action, facts = await _last_event(desk)
    assert action == "publication.changed"
    assert (facts["was_introduction"], facts["introduction"]) == ("Bonjour\n\nVoici", "Salut")
    assert await desk.ra.write_publication(newer, ADMINISTRATOR) == newer
    assert (await _last_event(desk))[1] == facts


async def test_two_who_write_at_once_are_told_apart(desk: TestDesk) -> None:
    """Of several who save the same version at the same moment one succeeds."""
    texts = [PublicationText("FRA1", "en", f"Version {number}") for number in range(4)]
    outcomes = await asyncio.gather(
        *(desk.ra.write_publication(text, ADMINISTRATOR) for text in texts), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, CertdeskError)]
    assert len(refused) == 3
    assert {error.kind for error in refused} == {ErrorKind.CONFLICT}


@pytest.mark.parametrize("code", ["XX", "fra1", "", "OPERATOR", "FRA1 ", "../DEU1"])
async def test_who_publishes_nothing_does_not_exist(desk: TestDesk, code: str) -> None:
    """Unknown organisations, and the operator who enrolls no devices, are nowhere to be found."""
    assert await _kind_of(desk.ra.public_page(code, "en")) is ErrorKind.NOT_FOUND
    assert await _kind_of(desk.ra.published_file(code, "Enroll.apk")) is ErrorKind.NOT_FOUND
