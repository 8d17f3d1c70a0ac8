"""What an organisation publishes: the page for administrators, and what comes in by its forms."""

from collections.abc import Iterable
from dataclasses import replace

from multipart import MultipartSegment

from certdesk.console.forms import multipart
from certdesk.console.pages.organisations import shortened
from certdesk.console.publishing import Addresses
from certdesk.console.rendering import Renderer
from certdesk.console.routing import ADMINISTRATORS, OVERSEERS, Route, Visit, see_other
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.publication import LARGEST_FILE, SHARED, PublicationText
from certdesk.domain.text import N_
from certdesk.doors.answers import Answer
from certdesk.doors.problems import MEANINGS
from certdesk.policy.publication import FILE_TYPES, LONGEST_TEXT, LONGEST_VERSION
from certdesk.ra import RegistrationAuthority
from certdesk.ra.publication import Upload

_ALL = "all"
"""In the address, for the files of all organisations: no code is in lower case."""
_LARGEST_BODY = LARGEST_FILE + 64 * 1024
_LONGEST_FIELD = 4 * LONGEST_VERSION  # octets
_ANSWERED_HERE = frozenset({ErrorKind.INVALID_FIELD, ErrorKind.CONFLICT, ErrorKind.TOO_LARGE})


class PublicationPages:
    """Settings, files and words of an organisation's publication page."""

    def __init__(self, ra: RegistrationAuthority, renderer: Renderer, addresses: Addresses) -> None:
        self._ra = ra
        self._renderer = renderer
        self._addresses = addresses

    def routes(self) -> Iterable[Route]:
        """Return the routes."""
        here = "/organisations/{code}/publication"
        return (
            Route("GET", here, OVERSEERS, self.show),
            Route("POST", f"{here}/words", ADMINISTRATORS, self.write),
            Route("POST", f"{here}/files", ADMINISTRATORS, self.upload, is_upload=True),
            Route("POST", f"{here}/files/{{name}}/remove", ADMINISTRATORS, self.remove),
        )

    async def show(self, visit: Visit) -> Answer:
        """Show what is published."""
        return await self._page(visit)

    async def write(self, visit: Visit) -> Answer:
        """Change what the page says in one language."""
        form, code = await visit.form(), _code(visit)
        seen = form.text("seen")
        text = PublicationText(
            code,
            form.text("language"),
            form.text("introduction"),
            form.text("instructions"),
            form.text("contact"),
            int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else -1,  # noqa: PLR2004 - 2**53
        )
        try:
            await self._ra.write_publication(text, visit.by)
        except CertdeskError as error:
            return await self._page(visit, error, typed=text)
        return see_other(f"{visit.path.removesuffix('/words')}?notice=saved")

    async def upload(self, visit: Visit) -> Answer:
        """Take a file and publish it, in place of an earlier one of its name if there is one."""
        incoming = _Incoming(self._ra, visit)
        try:
            await incoming.receive()
        except CertdeskError as error:
            return await self._page(visit, error, version=incoming.version)
        return see_other(f"{visit.path.removesuffix('/files')}?notice=file-published")

    async def remove(self, visit: Visit) -> Answer:
        """Stop publishing a file."""
        try:
            await self._ra.remove_file(_code(visit), visit.parameters["name"], visit.by)
        except CertdeskError as error:
            return await self._page(visit, error)
        return see_other(f"{visit.path.rpartition('/files/')[0]}?notice=file-removed")

    async def _page(
        self,
        visit: Visit,
        error: CertdeskError | None = None,
        *,
        version: str = "",
        typed: PublicationText | None = None,
    ) -> Answer:
        if error and error.kind not in _ANSWERED_HERE:
            raise error
        translate = self._renderer.sentence(visit)
        publication = await self._ra.publication(_code(visit), visit.by)
        code, organisation = publication.code, publication.organisation
        return self._renderer.answer(
            visit,
            "publication/edit.html",
            status=MEANINGS[error.kind].status if error else 200,
            here=f"/organisations/{code or _ALL}/publication",
            publication=publication,
            organisation=organisation,
            texts=_with(publication.texts, typed, overtaken=error is not None and error.kind is ErrorKind.CONFLICT),
            typed=typed,
            settings=shortened(await self._ra.settings(code)) if organisation and organisation.kinds else "",
            addresses=self._addresses.of(code) if organisation else None,
            version=version,
            errors={problem.field: problem.text(translate) for problem in error.problems} if error else {},
            endings=tuple(FILE_TYPES),
            largest=LARGEST_FILE,
            longest_version=LONGEST_VERSION,
            longest_text=LONGEST_TEXT,
        )


def _code(visit: Visit) -> str:
    code = visit.parameters["code"]
    return SHARED if code == _ALL else code


def _with(
    texts: tuple[PublicationText, ...], typed: PublicationText | None, *, overtaken: bool
) -> list[PublicationText]:
    """Return the texts, with what was typed in place of its language's; whoever came second now sees the newest."""
    return [
        replace(typed, updated_at=text.updated_at if overtaken else typed.updated_at)
        if typed and typed.language == text.language
        else text
        for text in texts
    ]


class _Incoming:
    """A form with a file: first its version, then the file, of which never more than a chunk is held.

    Whatever is wrong is said when all of it has come: a browser that is still sending would not hear it.
    """

    def __init__(self, ra: RegistrationAuthority, visit: Visit) -> None:
        self._ra = ra
        self._visit = visit
        self._upload: Upload | None = None
        self._octets = b""
        self._error: CertdeskError | None = None
        self.version = ""

    async def receive(self) -> None:
        """Publish what comes; raise why it cannot be published."""
        announced = self._visit.header(b"content-length")
        if announced.isdigit() and int(announced) > _LARGEST_BODY:
            raise CertdeskError(
                ErrorKind.TOO_LARGE, N_("a file may have {limit} bytes"), field="file", limit=LARGEST_FILE
            )
        async for part, octets in multipart(self._visit, _LARGEST_BODY):
            if self._error is None:
                try:
                    await self._take(part, octets)
                except CertdeskError as error:
                    self._error = error
        if self._error:
            raise self._error
        if self._upload is None:
            raise CertdeskError(ErrorKind.INVALID_FIELD, N_("choose a file"), field="file")
        await self._upload.finish()

    async def _take(self, part: MultipartSegment, octets: bytes | None) -> None:
        if part.name == "version":
            self.version = self._text(octets)
        elif part.name == "file":
            if self._upload is None:
                self._upload = await self._begin(part.filename or "")
            if octets:
                await self._upload.write(octets)

    async def _begin(self, unverified_name: str) -> Upload:
        return await self._ra.begin_upload(_code(self._visit), unverified_name, self.version, self._visit.by)

    def _text(self, octets: bytes | None) -> str:
        self._octets += octets or b""
        if len(self._octets) > _LONGEST_FIELD:
            raise CertdeskError(ErrorKind.INVALID_FIELD, N_("this is too long"), field="version")
        return self._octets.decode(errors="replace")
