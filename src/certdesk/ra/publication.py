"""What an organisation publishes for its devices: the page's words and the files to install.

    upload = await ra.begin_upload("FRA1", "Enroll.apk", "1.0.0", by)
    await upload.write(octets)  # again and again
    file = await upload.finish()

A file comes and goes in chunks, so its size costs no memory. It is published by one change at the end, with its audit
event; what was uploaded and never finished is forgotten a day later.
"""

import hashlib
from dataclasses import dataclass, replace

from certdesk.audit import AuditLog
from certdesk.domain.clock import Clock
from certdesk.domain.enrollment import DAY, Organisation, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.publication import CHUNK, LARGEST_FILE, SHARED, PublicationText, PublishedFile
from certdesk.domain.text import LANGUAGES, N_
from certdesk.policy.fields import normal_text
from certdesk.policy.publication import (
    FileType,
    file_type,
    judge_content,
    judge_file,
    judge_publication,
    normalise_text,
)
from certdesk.ra.office import check_administrator, no_such_organisation
from certdesk.ra.organisations import Organisations, changed_meanwhile, changes
from certdesk.store.publication import Publications

_FORGOTTEN_AT_ONCE = 20
"""Chunks; some five million octets, which take a fraction of a second."""
_LONGEST_DOWNLOAD = DAY
"""So long a file that was replaced can still be downloaded by those who had begun."""


@dataclass(frozen=True, slots=True)
class PublicPage:
    """What anybody may know of an organisation."""

    organisation: Organisation
    text: PublicationText
    files: tuple[PublishedFile, ...]


@dataclass(frozen=True, slots=True)
class Publication:
    """What an organisation publishes, as administrators edit it; without an organisation, what all publish."""

    organisation: Organisation | None
    files: tuple[PublishedFile, ...]
    """Its own."""
    shared: tuple[PublishedFile, ...]
    """What visitors are offered beside."""
    texts: tuple[PublicationText, ...]
    """One for each language."""

    @property
    def code(self) -> str:
        """The organisation's code, or `SHARED`."""
        return self.organisation.code if self.organisation else SHARED


class Upload:
    """A file on its way in."""

    def __init__(
        self,
        store: Publications,
        log: AuditLog,
        clock: Clock,
        file: PublishedFile,
        replaces: PublishedFile | None,
        kind: FileType,
        by: Principal,
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._file = file
        self._replaces = replaces
        self._kind = kind
        self._by = by
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._size = 0
        self._chunks = 0
        self._begins = False
        self._contains = not kind.contains
        self._tail = b""

    async def write(self, octets: bytes) -> None:
        """Take the file's next octets; raise `TOO_LARGE` or `INVALID_FIELD` as soon as it cannot be right."""
        self._size += len(octets)
        if self._size > LARGEST_FILE:
            raise CertdeskError(
                ErrorKind.TOO_LARGE, N_("a file may have {limit} bytes"), field="file", limit=LARGEST_FILE
            )
        self._digest.update(octets)
        self._look_for_content(octets)
        self._pending += octets
        while len(self._pending) >= CHUNK:
            await self._store_chunk(bytes(self._pending[:CHUNK]))
            del self._pending[:CHUNK]

    def _look_for_content(self, octets: bytes) -> None:
        if not self._contains:
            seen = self._tail + octets
            self._contains = self._kind.contains in seen
            self._tail = seen[-len(self._kind.contains) :]

    async def _store_chunk(self, octets: bytes) -> None:
        if self._chunks == 0:
            self._begins = octets.startswith(self._kind.beginning)
            self._check(contains=True)
        await self._store.add_chunk(self._file.upload, self._chunks, octets)
        self._chunks += 1

    def _check(self, *, contains: bool) -> None:
        if problems := judge_content(self._file.name, begins=self._begins, contains=contains):
            raise CertdeskError.of(problems)

    async def finish(self) -> PublishedFile:
        """Publish the file; raise `INVALID_FIELD`, or `CONFLICT` if somebody else was faster with one of its name."""
        if self._pending or not self._chunks:
            await self._store_chunk(bytes(self._pending))
        self._check(contains=self._contains)
        file = replace(self._file, size=self._size, sha256=self._digest.digest(), uploaded_at=self._clock())
        was = _facts_of(self._replaces) if self._replaces else {}
        event = self._log.event(
            "file.replaced" if was else "file.published",
            self._by,
            organisation=file.organisation,
            subject=file.name,
            **{f"was_{name}": value for name, value in was.items()},
            **_facts_of(file),
        )
        replaces = self._replaces.upload if self._replaces else ""
        if not await self._store.put_file(file, self._chunks, replaces, event):
            raise changed_meanwhile()
        return file


class Publishing(Organisations):
    """Use cases of administrators, and of whoever visits a publication page."""

    async def public_page(self, code: str, language: str) -> PublicPage:
        """Return what an organisation publishes, in a language; raise `NOT_FOUND`.

        Whom visitors turn to is said in another language rather than not at all.
        """
        organisation = await self._publisher(code)
        texts = {text.language: text for text in await self._store.publications.texts(code)}
        text = texts.get(language) or PublicationText(code, language)
        contact = text.contact or next((other.contact for other in texts.values() if other.contact), "")
        files = await self._store.publications.offered(code)
        return PublicPage(organisation, replace(text, contact=contact), tuple(files))

    async def published_file(self, code: str, name: str) -> PublishedFile:
        """Return a file that an organisation's visitors are offered; raise `NOT_FOUND`."""
        await self._publisher(code)
        store = self._store.publications
        file = await store.file(code, name) or await store.file(SHARED, name)
        if file is None:
            raise _nothing_here()
        return file

    async def file_chunk(self, file: PublishedFile, number: int) -> bytes:
        """Return one of a file's chunks; raise `UNAVAILABLE` if it was forgotten meanwhile."""
        octets = await self._store.publications.chunk(file.upload, number)
        if octets is None:
            raise CertdeskError(ErrorKind.UNAVAILABLE, N_("this file was replaced: download it again"))
        return octets

    async def _publisher(self, code: str) -> Organisation:
        organisation = await self._store.organisations.get(code)
        if organisation is None or not organisation.kinds:
            raise _nothing_here()
        return organisation

    async def publication(self, code: str, by: Principal) -> Publication:
        """Return what an organisation publishes, or with `SHARED` what all do; raise `NOT_FOUND`."""
        organisation = None
        if code != SHARED:
            organisation = (await self.organisation_file(code, by)).organisation
        elif by.organisation:
            raise no_such_organisation()
        store = self._store.publications
        own = await store.files(code)
        offered = await store.offered(code) if organisation else []
        written = {text.language: text for text in await store.texts(code)}
        return Publication(
            organisation,
            tuple(own),
            tuple(file for file in offered if file.organisation == SHARED),
            tuple(written.get(language) or PublicationText(code, language) for language in LANGUAGES),
        )

    async def begin_upload(self, code: str, unverified_name: str, unverified_version: str, by: Principal) -> Upload:
        """Return where a file's octets go; raise `INVALID_FIELD`, `FORBIDDEN` or `NOT_FOUND`."""
        check_administrator(by)
        await self._check_publisher(code, by)
        version = normal_text(unverified_version)
        problems = judge_file(unverified_name, version)
        kind = file_type(unverified_name)
        if problems or kind is None:
            raise CertdeskError.of(problems)
        store = self._store.publications
        file = PublishedFile(
            code, unverified_name, version, kind.media_type, 0, b"", self._randomness(16).hex(), 0, by.name
        )
        await store.begin(file.upload, self._clock())
        return Upload(store, self._log, self._clock, file, await store.file(code, unverified_name), kind, by)

    async def remove_file(self, code: str, name: str, by: Principal) -> None:
        """Stop publishing a file; raise `NOT_FOUND`, `FORBIDDEN`, or `CONFLICT` if it was replaced meanwhile."""
        check_administrator(by)
        await self._check_publisher(code, by)
        file = await self._store.publications.file(code, name)
        if file is None:
            raise CertdeskError(ErrorKind.NOT_FOUND, N_("there is no such file"))
        was = {f"was_{fact}": value for fact, value in _facts_of(file).items()}
        event = self._log.event("file.removed", by, organisation=code, subject=name, **was)
        if not await self._store.publications.remove_file(file, self._clock(), event):
            raise changed_meanwhile()

    async def _check_publisher(self, code: str, by: Principal) -> None:
        if code != SHARED:
            await self.organisation_file(code, by)

    async def write_publication(self, unverified: PublicationText, by: Principal) -> PublicationText:
        """Write what an organisation's page says in a language.

        `updated_at` is that of the version that the caller has seen. Raises `INVALID_FIELD`, `FORBIDDEN`,
        `NOT_FOUND`, or `CONFLICT` if somebody has written since.
        """
        check_administrator(by)
        text = normalise_text(unverified)
        if problems := judge_publication(text):
            raise CertdeskError.of(problems)
        publication = await self.publication(text.organisation, by)
        if publication.organisation is None:
            raise no_such_organisation()
        was = next(each for each in publication.texts if each.language == text.language)
        if was.updated_at != text.updated_at:
            raise changed_meanwhile()
        if _words_of(was) == _words_of(text):
            return was
        now = replace(text, updated_at=max(self._clock(), was.updated_at + 1), updated_by=by.name)
        event = self._log.event(
            "publication.changed",
            by,
            organisation=text.organisation,
            subject=text.organisation,
            language=text.language,
            **changes(_words_of(was), _words_of(now)),
        )
        if not await self._store.publications.put_text(now, was.updated_at, event):
            raise changed_meanwhile()
        return now

    async def forget_uploads(self) -> bool:
        """Remove some of what was replaced, removed or not finished a day ago; a job."""
        return await self._store.publications.forget(self._clock() - _LONGEST_DOWNLOAD, _FORGOTTEN_AT_ONCE)


def _facts_of(file: PublishedFile) -> dict[str, str]:
    return {"version": file.version, "size": str(file.size), "sha256": file.sha256.hex()}


def _words_of(text: PublicationText) -> dict[str, str]:
    return {"introduction": text.introduction, "instructions": text.instructions, "contact": text.contact}


def _nothing_here() -> CertdeskError:
    """Say what is said of every address that leads nowhere, so that nobody can try out organisations."""
    return CertdeskError(ErrorKind.NOT_FOUND, N_("there is nothing at this address"))
