"""The OpenAPI 3.1 document, made from the table of operations and the types of their shapes.

msgspec writes the schemas, so that they are those that bodies are decoded by.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from inspect import getdoc
from typing import Any

import msgspec

from certdesk import __version__
from certdesk.domain.errors import ErrorKind
from certdesk.doors.api import fields
from certdesk.doors.api.operations import Operation
from certdesk.doors.problems import MEANINGS, MEDIA_TYPE, TYPE_PREFIX, ProblemDocument

_REFERENCE = "#/components/schemas/{name}"
_ALWAYS = frozenset({ErrorKind.INTERNAL, ErrorKind.UNAVAILABLE})
_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_TYPES = {
    "request_id": fields.RequestID,
    "serial_number": fields.SerialNumber,
    "organisation": fields.OrganisationCode,
    "code_id": fields.CodeID,
}
_SECURITY_SCHEMES = {
    "claim": {
        "type": "http",
        "scheme": "bearer",
        "description": "The claim that the device chose when it submitted: its right to this one request.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "An automation's API token, `cdt_…`."},
    "certificate": {"type": "mutualTLS", "description": "A manager's client certificate, issued by the desk."},
}


def openapi_document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document."""
    writer = _Writer()
    paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = writer.operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Certdesk",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": writer.components, "securitySchemes": _SECURITY_SCHEMES},
    }


class _Writer:
    """Writes operations and gathers the schemas that they refer to."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def operation(self, operation: Operation) -> dict[str, Any]:
        written: dict[str, Any] = {
            "operationId": operation.name,
            "summary": (getdoc(operation.call) or "").rstrip("."),
            "responses": {
                **{str(status): self._answer(operation, status) for status in operation.answers},
                **self._refusals(operation.errors | _ALWAYS),
            },
            # An empty list says that no credential is needed, whatever the document's default.
            "security": [{credential: []} for credential in operation.credentials],
        }
        if parameters := [*self._path_parameters(operation), *self._query_parameters(operation)]:
            written["parameters"] = parameters
        if operation.body is not None:
            written["requestBody"] = {"required": True, "content": self._content(operation.body)}
        return written

    def _schema(self, shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a type
        (schema,), components = msgspec.json.schema_components((shape,), ref_template=_REFERENCE)
        self.components.update(components)
        return schema

    def _content(self, shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a type or a media type
        if isinstance(shape, str):
            return {shape: {"schema": {"type": "string"}}}
        return {"application/json": {"schema": self._schema(shape)}}

    def _answer(self, operation: Operation, status: int) -> dict[str, Any]:
        return {
            "description": HTTPStatus(status).phrase,
            "content": self._content(operation.answers[status]),
            "headers": {
                name: {"description": description, "schema": {"type": "string"}}
                for name, description in operation.headers.items()
            },
        }

    def _refusals(self, errors: Iterable[ErrorKind]) -> dict[str, Any]:
        by_status: defaultdict[int, list[ErrorKind]] = defaultdict(list)
        for kind in ErrorKind:
            if kind in errors:
                by_status[MEANINGS[kind].status].append(kind)
        content = {MEDIA_TYPE: {"schema": self._schema(ProblemDocument)}}
        return {
            str(status): {"description": _described(kinds), "content": content}
            for status, kinds in sorted(by_status.items())
        }

    def _path_parameters(self, operation: Operation) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "path", "required": True, "schema": self._schema(_PATH_TYPES[name])}
            for name in _PARAMETER.findall(operation.path)
        ]

    def _query_parameters(self, operation: Operation) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "query", "required": False, "schema": self._schema(shape)}
            for name, shape in operation.query.items()
        ]


def _described(kinds: Iterable[ErrorKind]) -> str:
    return "; ".join(f"{MEANINGS[kind].title} (`{TYPE_PREFIX}{kind}`)" for kind in kinds)
