"""The calls of the API in one table, from which both the routes and the OpenAPI document are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta

from certdesk.domain.enrollment import Kind
from certdesk.domain.errors import ErrorKind
from certdesk.domain.states import CertificateStatus, RequestState
from certdesk.doors.answers import Answer
from certdesk.doors.api import fields, shapes
from certdesk.doors.api.certificates import CertificateCalls
from certdesk.doors.api.codes import CodeCalls
from certdesk.doors.api.paging import (
    CERTIFICATE_CURSOR,
    CODE_CURSOR,
    DEFAULT_LIMIT,
    LONGEST_TEXT,
    MOST_ITEMS,
    REQUEST_CURSOR,
)
from certdesk.doors.api.requests import RequestCalls
from certdesk.doors.api.settings_file import SettingsCalls
from certdesk.doors.asgi import Receive, Scope

Call = Callable[[Scope, Receive], Awaitable[Answer]]
Credential = Literal["claim", "token", "certificate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call; what it is for stands in the docstring of `call`."""

    name: str
    """The document's `operationId`."""
    method: Literal["GET", "POST"]
    path: str
    """As OpenAPI writes it: `/api/v1/requests/{request_id}`."""
    call: Call
    answers: Mapping[int, Any]
    """By status: the shape of the JSON, or another media type's name."""
    errors: frozenset[ErrorKind]
    """Why it may be refused, beside `INTERNAL` and `UNAVAILABLE`, which can always happen."""
    credentials: tuple[Credential, ...] = ()
    """Any one of these; empty for anyone."""
    body: Any = None
    """The shape of the JSON body, if there is one."""
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the answer's headers say."""


_MANAGERS: tuple[Credential, ...] = ("token", "certificate")

_STRANGER = frozenset({ErrorKind.MALFORMED, ErrorKind.RATE_LIMITED})
_KNOWN = _STRANGER | {ErrorKind.UNAUTHENTICATED, ErrorKind.NOT_FOUND}
_SENDING = frozenset({ErrorKind.INVALID_FIELD, ErrorKind.TOO_LARGE})
_DECIDING = _KNOWN | _SENDING | {ErrorKind.FORBIDDEN, ErrorKind.CONFLICT}
_POLICY = frozenset(
    {
        ErrorKind.BAD_CSR,
        ErrorKind.WEAK_KEY,
        ErrorKind.WEAK_SIGNATURE,
        ErrorKind.KEY_IN_USE,
        ErrorKind.KEY_COMPROMISED,
        ErrorKind.NAME_NOT_ALLOWED,
        ErrorKind.KIND_NOT_ALLOWED,
    }
)

_LOCATION = {"Location": "Where the request can be followed."}
_RETRY_AFTER = {"Retry-After": "While the request is pending: after how many seconds to ask again."}
_LINK = {"Link": "The next page (RFC 8288), if there is one."}


def _list_query(searched: str, after: str, **filters: Any) -> dict[str, Any]:  # noqa: ANN401 - types
    text = {"maxLength": LONGEST_TEXT, "format": "line"}
    return _page_query(
        after,
        organisation=fields.OrganisationCode,
        **filters,
        kind=Kind,
        q=Annotated[str, Meta(description=searched, extra_json_schema=text)],
    )


def _page_query(after: str, **filters: Any) -> dict[str, Any]:  # noqa: ANN401 - types
    return {
        **filters,
        "after": Annotated[
            str,
            Meta(description="Where the page begins: `next` of the page before.", extra_json_schema={"pattern": after}),
        ],
        "limit": Annotated[
            int,
            Meta(ge=1, le=MOST_ITEMS, description="How many items.", extra_json_schema={"default": DEFAULT_LIMIT}),
        ],
    }


def operations(
    requests: RequestCalls, certificates: CertificateCalls, codes: CodeCalls, settings: SettingsCalls
) -> list[Operation]:
    """Return the table."""
    return [
        *_request_operations(requests),
        *_certificate_operations(certificates),
        *_code_operations(codes),
        _settings_operation(settings),
    ]


def _request_operations(calls: RequestCalls) -> list[Operation]:
    one = "/api/v1/requests/{request_id}"
    return [
        Operation(
            name="submitRequest",
            method="POST",
            path="/api/v1/requests",
            call=calls.submit,
            body=shapes.AnySubmission,
            answers={201: shapes.RequestView, 200: shapes.RequestView},
            headers=_LOCATION,
            errors=_STRANGER | _SENDING | _POLICY | {ErrorKind.UNAUTHENTICATED, ErrorKind.CONFLICT},
        ),
        Operation(
            name="listRequests",
            method="GET",
            path="/api/v1/requests",
            call=calls.listing,
            query=_list_query(
                "An ID or serial number, or beginnings of words of an e-mail address, name or device.",
                after=REQUEST_CURSOR,
                state=RequestState,
            ),
            credentials=_MANAGERS,
            answers={200: shapes.RequestPage},
            headers=_LINK,
            errors=_STRANGER | {ErrorKind.UNAUTHENTICATED, ErrorKind.INVALID_FIELD},
        ),
        Operation(
            name="readRequest",
            method="GET",
            path=one,
            call=calls.read,
            credentials=("claim", *_MANAGERS),
            answers={200: shapes.RequestView},
            headers=_RETRY_AFTER,
            errors=_KNOWN,
        ),
        Operation(
            name="confirmInstalled",
            method="POST",
            path=f"{one}/installed",
            call=calls.installed,
            credentials=("claim",),
            answers={200: shapes.RequestView},
            errors=_KNOWN | {ErrorKind.CONFLICT},
        ),
        Operation(
            name="approveRequest",
            method="POST",
            path=f"{one}/approve",
            call=calls.approve,
            credentials=_MANAGERS,
            body=shapes.Approval,
            answers={200: shapes.RequestView},
            errors=_DECIDING | _POLICY,
        ),
        Operation(
            name="rejectRequest",
            method="POST",
            path=f"{one}/reject",
            call=calls.reject,
            credentials=_MANAGERS,
            body=shapes.Rejection,
            answers={200: shapes.RequestView},
            errors=_DECIDING,
        ),
    ]


def _certificate_operations(calls: CertificateCalls) -> list[Operation]:
    one = "/api/v1/certificates/{serial_number}"
    return [
        Operation(
            name="listCertificates",
            method="GET",
            path="/api/v1/certificates",
            call=calls.listing,
            query=_list_query(
                "An ID, serial number or SHA-256 fingerprint, or beginnings of words of an e-mail address or device.",
                after=CERTIFICATE_CURSOR,
                status=CertificateStatus,
            ),
            credentials=_MANAGERS,
            answers={200: shapes.CertificatePage},
            headers=_LINK,
            errors=_STRANGER | {ErrorKind.UNAUTHENTICATED, ErrorKind.INVALID_FIELD},
        ),
        Operation(
            name="readCertificate",
            method="GET",
            path=one,
            call=calls.read,
            credentials=_MANAGERS,
            answers={200: shapes.CertificateView},
            errors=_KNOWN,
        ),
        Operation(
            name="revokeCertificate",
            method="POST",
            path=f"{one}/revoke",
            call=calls.revoke,
            credentials=_MANAGERS,
            body=shapes.Revocation,
            answers={200: shapes.CertificateView},
            errors=_DECIDING,
        ),
        Operation(
            name="renewCertificate",
            method="POST",
            path=f"{one}/renew",
            call=calls.renew,
            body=shapes.Renewal,
            answers={201: shapes.RequestView, 200: shapes.RequestView},
            headers=_LOCATION,
            errors=_STRANGER
            | _SENDING
            | _POLICY
            | {ErrorKind.UNAUTHENTICATED, ErrorKind.FORBIDDEN, ErrorKind.CONFLICT},
        ),
    ]


def _code_operations(calls: CodeCalls) -> list[Operation]:
    return [
        Operation(
            name="issueCode",
            method="POST",
            path="/api/v1/codes",
            call=calls.issue,
            credentials=_MANAGERS,
            body=shapes.CodeOrder,
            answers={201: shapes.NewCodeView},
            errors=_STRANGER | _SENDING | {ErrorKind.UNAUTHENTICATED, ErrorKind.FORBIDDEN, ErrorKind.KIND_NOT_ALLOWED},
        ),
        Operation(
            name="listCodes",
            method="GET",
            path="/api/v1/codes",
            call=calls.listing,
            query=_page_query(CODE_CURSOR, organisation=fields.OrganisationCode),
            credentials=_MANAGERS,
            answers={200: shapes.CodePage},
            headers=_LINK,
            errors=_STRANGER | {ErrorKind.UNAUTHENTICATED, ErrorKind.INVALID_FIELD},
        ),
        Operation(
            name="withdrawCode",
            method="POST",
            path="/api/v1/codes/{code_id}/withdraw",
            call=calls.withdraw,
            credentials=_MANAGERS,
            answers={200: shapes.CodeView},
            errors=_KNOWN | {ErrorKind.FORBIDDEN, ErrorKind.CONFLICT},
        ),
    ]


def _settings_operation(calls: SettingsCalls) -> Operation:
    return Operation(
        name="readSettings",
        method="GET",
        path="/settings/{organisation}.xml",
        call=calls.read,
        answers={200: "application/xml"},
        errors=frozenset({ErrorKind.NOT_FOUND, ErrorKind.RATE_LIMITED}),
    )
