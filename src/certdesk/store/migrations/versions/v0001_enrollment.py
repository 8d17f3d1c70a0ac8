"""The tables of an enrollment: organisations, requests, certificates, validation, audit.

Times are milliseconds since 1970 in UTC; digests, serial numbers and DER are bytes. Requests and
certificates have no foreign keys: rows are never deleted, every write comes from a change whose
guard has seen its row, and a key share lock on the organisation's row in every submission would
make neighbours wait for each other.

Every index is another tree to write on the request's path, so each of them serves a query. In SQLite a
table of short rows is stored in its primary key's tree (`WITHOUT ROWID`), which spares one more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_OCTETS = sa.LargeBinary
_TIME = sa.BigInteger


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Make every table."""
    _make_registry()
    _make_requests()
    _make_certificates()
    _make_validation()
    _make_audit()


def _make_registry() -> None:
    op.create_table(
        "organisations",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("allow_wildcards", sa.Integer, nullable=False),
        sa.Column("key_type", sa.Text, nullable=False),
        sa.Column("validity_days", sa.Integer, nullable=False),
        sa.Column("request_lifetime_days", sa.Integer, nullable=False),
        sa.Column("poll_seconds", sa.Integer, nullable=False),
        _text("support_contact"),
    )
    op.create_table(
        "managers",
        sa.Column("email", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        _text("organisation"),
        sa.Column("disabled", sa.Integer, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("token_sha256", _OCTETS, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        _text("organisation"),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_table(
        "properties",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        comment="what the desk is: its URLs and its issuing authority",
    )
    op.create_table(
        "keys",
        sa.Column("spki_sha256", _OCTETS, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False, comment="ORGANISATION/device, or ca"),
        sa.Column("compromised", sa.Integer, nullable=False),
        comment="every public key ever presented, with the one device it belongs to",
        sqlite_with_rowid=False,
    )


def _make_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("csr", _OCTETS, nullable=False),
        sa.Column("claim_sha256", _OCTETS, nullable=False),
        _text("email"),
        _text("phone"),
        _text("description"),
        _text("state_or_province"),
        _text("locality"),
        _text("device_id"),
        _text("device_model"),
        _text("device_platform"),
        _text("device_app"),
        _text("names"),
        _text("common_name"),
        sa.Column("spki_sha256", _OCTETS, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("lapses_at", _TIME, nullable=False),
        _text("door"),
        _text("source"),
        sa.Column("decided_at", _TIME),
        _text("decided_by"),
        _text("comment"),
        _text("reason"),
        _text("supersedes"),
        _text("superseded_by"),
        sa.Column("renews", _OCTETS),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("serial_number", _OCTETS),
        sa.Column("installed_at", _TIME),
    )
    op.create_index("requests_claim", "requests", ["claim_sha256"], unique=True)
    requested = sa.text("state = 'requested'")
    op.create_index(
        "requests_device",
        "requests",
        ["organisation", "device_id", "kind"],
        unique=True,
        sqlite_where=requested,
        postgresql_where=requested,
    )
    op.create_index("requests_lapsing", "requests", ["lapses_at"], sqlite_where=requested, postgresql_where=requested)
    approved = sa.text("state = 'approved'")
    # Without the state as its first column SQLite would rather walk through everything that was ever decided.
    op.create_index(
        "requests_approved", "requests", ["state", "decided_at"], sqlite_where=approved, postgresql_where=approved
    )
    op.create_index("requests_newest", "requests", ["created_at", "id"])
    op.create_index("requests_newest_of", "requests", ["organisation", "created_at", "id"])


def _make_certificates() -> None:
    op.create_table(
        "issuances",
        sa.Column("serial_number", _OCTETS, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        comment="every intent to sign, recorded before the signature is made",
        sqlite_with_rowid=False,
    )
    own = sa.text("attempt = 0")  # certificates of the desk itself, which nobody requested
    op.create_index("issuances_own", "issuances", ["request_id", "at"], sqlite_where=own, postgresql_where=own)
    op.create_table(
        "certificates",
        sa.Column("serial_number", _OCTETS, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        _text("email"),
        _text("device_id"),
        sa.Column("not_before", _TIME, nullable=False),
        sa.Column("not_after", _TIME, nullable=False),
        sa.Column("der", _OCTETS, nullable=False),
        sa.Column("fingerprint", _OCTETS, nullable=False),
        sa.Column("spki_sha256", _OCTETS, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("revoked_at", _TIME),
        sa.Column("revocation_reason", sa.Text),
        _text("revoked_by"),
        _text("revocation_comment"),
        sa.Column("superseded_by", _OCTETS),
    )
    op.create_index("certificates_fingerprint", "certificates", ["fingerprint"], unique=True)
    op.create_index("certificates_newest", "certificates", ["not_before", "serial_number"])
    op.create_index("certificates_newest_of", "certificates", ["organisation", "not_before", "serial_number"])
    revoked = sa.text("status = 'revoked'")
    op.create_index(
        "certificates_revoked", "certificates", ["issuer", "not_after"], sqlite_where=revoked, postgresql_where=revoked
    )


def _make_validation() -> None:
    op.create_table(
        "crls",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("number", _TIME, primary_key=True, autoincrement=False),
        sa.Column("der", _OCTETS, nullable=False),
        sa.Column("this_update", _TIME, nullable=False),
        sa.Column("next_update", _TIME, nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
    )
    op.create_table(
        "ocsp_answers",
        sa.Column("serial_number", _OCTETS, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("der", _OCTETS),
        sa.Column("this_update", _TIME),
        sa.Column("next_update", _TIME, nullable=False, comment="0: to be signed at once"),
        comment="made with the certificate, so that what is due is found without looking at what is not",
    )
    op.create_index("ocsp_answers_stale", "ocsp_answers", ["next_update"])


def _make_audit() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        _text("source"),
        _text("organisation"),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("mac", _OCTETS, nullable=False),
        sa.Column("batch", _TIME),
        sqlite_with_rowid=False,
    )
    op.create_index("events_subject", "events", ["subject"])
    unsealed = sa.text("batch IS NULL")
    op.create_index("events_unsealed", "events", ["id"], sqlite_where=unsealed, postgresql_where=unsealed)
    is_sealed = sa.text("batch IS NOT NULL")
    op.create_index("events_batch", "events", ["batch"], sqlite_where=is_sealed, postgresql_where=is_sealed)
    op.create_table(
        "batches",
        sa.Column("number", _TIME, primary_key=True, autoincrement=False),
        sa.Column("sealed_at", _TIME, nullable=False),
        sa.Column("statement", _OCTETS, nullable=False),
        sa.Column("signature", _OCTETS, nullable=False),
    )
