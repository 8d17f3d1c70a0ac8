"""Teaches schemathesis the desk's own formats, and what no schema can say: which organisations there are."""

import re
from itertools import count
from typing import Any

import schemathesis
from hypothesis import strategies as st

from certdesk.domain.identifiers import new_request_id
from tests.integration.api_calls import make_claim, make_pem

_serial = count()


def _always(make: Any) -> st.SearchStrategy[str]:  # a new value each time, whatever hypothesis would like to repeat
    return st.integers().map(lambda _: make())


schemathesis.openapi.format("pkcs10-pem", _always(lambda: make_pem(f"host{next(_serial)}.example")))
schemathesis.openapi.format("claim", _always(make_claim))
schemathesis.openapi.format(
    "request-id", st.binary(min_size=5, max_size=5).map(lambda octets: new_request_id("FRA1", lambda _: octets))
)
schemathesis.openapi.format("organisation-code", st.just("FRA1"))
schemathesis.openapi.format("line", st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=60))
schemathesis.openapi.format("email", st.from_regex(r"[a-z]{1,10}@[a-z]{1,10}\.example", fullmatch=True))
schemathesis.openapi.format("dns-name", st.from_regex(r"[a-z]{1,10}\.example", fullmatch=True))
schemathesis.openapi.format("host-address", st.sampled_from(["192.0.2.1", "2001:db8::1"]))


@schemathesis.hook
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    """Name an organisation that exists, and a claim that was not used, where the schema is satisfied already.

    The phase that goes by the schema's limits makes its values from patterns and does not ask the formats. Whole
    numbers are written without `.0`: JSON Schema has them either way, programs write and read them without.
    """
    if not isinstance(case.body, dict):
        return
    for field, pattern, make in (
        ("organisation", "[A-Z0-9]{2,12}", lambda: "FRA1"),
        ("claim", "[\\w-]{43}", make_claim),
    ):
        value = case.body.get(field)
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            case.body[field] = make()  # type: ignore[no-untyped-call]
    for field in ("count", "days"):
        value = case.body.get(field)
        if isinstance(value, float) and value.is_integer():
            case.body[field] = int(value)
