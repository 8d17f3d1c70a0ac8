"""What organisations publish: files in chunks, and the words of their publication pages.

A file is replaced by pointing its row to the chunks of another upload. The earlier chunks stay for those who are
downloading them, until `forget` takes them away.
"""

from typing import Any

from certdesk.domain.publication import SHARED, PublicationText, PublishedFile
from certdesk.store.database import Change, Database, must, then
from certdesk.store.events import SealedEvent, event_step, event_values

_FILE = "organisation, name, version, media_type, size, sha256, upload, uploaded_at, uploaded_by"
_FILES = f"SELECT {_FILE} FROM files WHERE organisation = :organisation ORDER BY name"
_GET = f"SELECT {_FILE} FROM files WHERE organisation = :organisation AND name = :name"
_OFFERED = f"""
    SELECT {_FILE} FROM files f WHERE organisation = :organisation OR (organisation = '{SHARED}' AND NOT EXISTS
        (SELECT 1 FROM files o WHERE o.organisation = :organisation AND o.name = f.name))
    ORDER BY name
"""
_REPLACED = "version, media_type, size, sha256, upload, uploaded_at, uploaded_by"
_SET = ", ".join(f"{column} = excluded.{column}" for column in _REPLACED.split(", "))
_PUT = Change(
    must(
        f"INSERT INTO files ({_FILE}) SELECT {', '.join(f':{column}' for column in _FILE.split(', '))}"
        " WHERE (SELECT count(*) FROM file_chunks WHERE upload = :upload) = :chunks"
        " AND (:replaces = '' OR EXISTS"
        " (SELECT 1 FROM files WHERE organisation = :organisation AND name = :name AND upload = :replaces))"
        f" ON CONFLICT (organisation, name) DO UPDATE SET {_SET} WHERE files.upload = :replaces"
    ),
    then("UPDATE uploads SET left_at = :uploaded_at WHERE upload = :replaces AND {held}"),
    then(event_step()),
)
_REMOVE = Change(
    must("DELETE FROM files WHERE organisation = :organisation AND name = :name AND upload = :upload"),
    then("UPDATE uploads SET left_at = :at WHERE upload = :upload AND {held}"),
    then(event_step()),
)
_BEGIN = Change(must("INSERT INTO uploads (upload, begun_at) VALUES (:upload, :begun_at)"))
_ADD_CHUNK = Change(must("INSERT INTO file_chunks (upload, number, octets) VALUES (:upload, :number, :octets)"))
_CHUNK = "SELECT octets FROM file_chunks WHERE upload = :upload AND number = :number"
_FORGOTTEN = """
    SELECT upload FROM uploads u WHERE COALESCE(left_at, begun_at) < :before
        AND NOT EXISTS (SELECT 1 FROM files f WHERE f.upload = u.upload) LIMIT 1
"""
_FORGET_CHUNKS = Change(
    must(
        "DELETE FROM file_chunks WHERE upload = :upload"
        " AND number IN (SELECT number FROM file_chunks WHERE upload = :upload LIMIT :limit)"
    )
)
_FORGET = Change(must("DELETE FROM uploads WHERE upload = :upload"))
_TEXT = "organisation, language, introduction, instructions, contact, updated_at, updated_by"
_TEXTS = f"SELECT {_TEXT} FROM publication WHERE organisation = :organisation"
_PUT_TEXT = Change(
    must(
        f"INSERT INTO publication ({_TEXT}) SELECT :organisation, :language, :introduction, :instructions, :contact,"
        " :updated_at, :updated_by WHERE :was_updated_at = CAST(0 AS BIGINT) OR EXISTS (SELECT 1 FROM publication"
        " WHERE organisation = :organisation AND language = :language AND updated_at = :was_updated_at)"
        " ON CONFLICT (organisation, language) DO UPDATE SET introduction = excluded.introduction,"
        " instructions = excluded.instructions, contact = excluded.contact, updated_at = excluded.updated_at,"
        " updated_by = excluded.updated_by WHERE publication.updated_at = :was_updated_at"
    ),
    then(event_step()),
)


class Publications:
    """Files and words that anybody may read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def files(self, organisation: str) -> list[PublishedFile]:
        """Return an organisation's own files, or the shared ones."""
        return [PublishedFile(*row) for row in await self._database.rows(_FILES, {"organisation": organisation})]

    async def offered(self, organisation: str) -> list[PublishedFile]:
        """Return the files that an organisation's visitors are offered: its own, and the shared ones beside them."""
        return [PublishedFile(*row) for row in await self._database.rows(_OFFERED, {"organisation": organisation})]

    async def file(self, organisation: str, name: str) -> PublishedFile | None:
        """Return one of an organisation's own files, or of the shared ones."""
        row = await self._database.row(_GET, {"organisation": organisation, "name": name})
        return PublishedFile(*row) if row else None

    async def put_file(self, file: PublishedFile, chunks: int, replaces: str, event: SealedEvent) -> bool:
        """Publish a file whose chunks are all there, in place of that of the upload `replaces` (empty for none).

        Returns False, and changes nothing, if there is by now another file of the name, or none where one was.
        """
        values: dict[str, Any] = {
            "organisation": file.organisation,
            "name": file.name,
            "version": file.version,
            "media_type": file.media_type,
            "size": file.size,
            "sha256": file.sha256,
            "upload": file.upload,
            "uploaded_at": file.uploaded_at,
            "uploaded_by": file.uploaded_by,
            "chunks": chunks,
            "replaces": replaces,
        }
        return await self._database.apply(_PUT, values | event_values(event))

    async def remove_file(self, file: PublishedFile, at: int, event: SealedEvent) -> bool:
        """Stop publishing a file; return False if it is not the present one of its name."""
        values = {"organisation": file.organisation, "name": file.name, "upload": file.upload, "at": at}
        return await self._database.apply(_REMOVE, values | event_values(event))

    async def begin(self, upload: str, at: int) -> None:
        """Note that a file is about to be uploaded."""
        await self._database.apply(_BEGIN, {"upload": upload, "begun_at": at})

    async def add_chunk(self, upload: str, number: int, octets: bytes) -> None:
        """Keep a chunk of a file that is being uploaded."""
        await self._database.apply(_ADD_CHUNK, {"upload": upload, "number": number, "octets": octets})

    async def chunk(self, upload: str, number: int) -> bytes | None:
        """Return a chunk, or None if it is gone."""
        row = await self._database.row(_CHUNK, {"upload": upload, "number": number})
        return bytes(row[0]) if row else None

    async def forget(self, before: int, limit: int) -> bool:
        """Remove some chunks that have belonged to no file since before a time; tell whether there were any."""
        row = await self._database.row(_FORGOTTEN, {"before": before})
        if row is None:
            return False
        if not await self._database.apply(_FORGET_CHUNKS, {"upload": row[0], "limit": limit}):
            await self._database.apply(_FORGET, {"upload": row[0]})
        return True

    async def texts(self, organisation: str) -> list[PublicationText]:
        """Return what an organisation's page says, in the languages in which it was written."""
        return [PublicationText(*row) for row in await self._database.rows(_TEXTS, {"organisation": organisation})]

    async def put_text(self, text: PublicationText, was_updated_at: int, event: SealedEvent) -> bool:
        """Write what a page says in one language; return False if it is not the version that the caller has seen."""
        values: dict[str, Any] = {
            "organisation": text.organisation,
            "language": text.language,
            "introduction": text.introduction,
            "instructions": text.instructions,
            "contact": text.contact,
            "updated_at": text.updated_at,
            "updated_by": text.updated_by,
            "was_updated_at": was_updated_at,
        }
        return await self._database.apply(_PUT_TEXT, values | event_values(event))
