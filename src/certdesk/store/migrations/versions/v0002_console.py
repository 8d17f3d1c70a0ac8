"""The tables of the managers' console: sign-in, preferences, publication, mail.

Secrets that somebody else holds (session tokens, links) are kept as SHA-256 only. Times are milliseconds
since 1970 in UTC.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_OCTETS = sa.LargeBinary
_TIME = sa.BigInteger


def _text(name: str, comment: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", comment=comment)


def upgrade() -> None:
    """Make the console's tables, and what the earlier ones lack for it."""
    _extend_registry()
    _make_sign_in()
    _make_preferences()
    _make_publication()
    _make_mail()
    _make_indexes()


def _extend_registry() -> None:
    op.add_column("organisations", _text("contact_name"))
    op.add_column("organisations", _text("contact_email"))
    op.add_column("organisations", _text("contact_phone"))
    op.add_column(
        "organisations", _text("allowed_names", "DNS suffixes that servers may have, one a line; all if none")
    )
    op.add_column("organisations", _text("state_or_province", "offered to requesters in settings.xml"))
    op.add_column("organisations", _text("locality"))
    op.add_column("managers", sa.Column("created_at", _TIME, nullable=False, server_default="0"))


def _make_sign_in() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_sha256", _OCTETS, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False, comment="certificate, passkey or link"),
        sa.Column("certificate_fingerprint", _OCTETS, comment="by certificate only; its revocation ends the session"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        _text("source"),
        _text("user_agent"),
    )
    op.create_index("sessions_email", "sessions", ["email"])
    op.create_index("sessions_expiring", "sessions", ["expires_at"])
    op.create_table(
        "passkeys",
        sa.Column("credential_id", _OCTETS, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("user_handle", _OCTETS, nullable=False, comment="random, the same for all passkeys of a manager"),
        sa.Column("public_key", _OCTETS, nullable=False, comment="COSE_Key"),
        sa.Column("sign_count", _TIME, nullable=False),
        _text("name"),
        _text("transports"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
    )
    op.create_index("passkeys_email", "passkeys", ["email"])
    op.create_table(
        "challenges",
        sa.Column("challenge", _OCTETS, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        _text("email"),
        sa.Column("expires_at", _TIME, nullable=False),
        comment="WebAuthn challenges given out and not answered yet; each is taken once",
    )
    op.create_table(
        "links",
        sa.Column("token_sha256", _OCTETS, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _text("created_by"),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
        comment="one-time links for the first administrator and for invitations",
    )
    op.create_index("links_email", "links", ["email"])


def _make_preferences() -> None:
    op.create_table(
        "preferences",
        sa.Column("email", sa.Text, primary_key=True),
        _text("language", "empty follows the browser"),
        _text("theme", "light, dark, or empty to follow the browser"),
        sa.Column("notify", sa.Text, nullable=False, server_default="at-once", comment="at-once, daily or never"),
    )
    op.create_table(
        "reasons",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        comment="an organisation's reusable reasons for rejecting a request",
    )


def _make_publication() -> None:
    op.create_table(
        "files",
        sa.Column("organisation", sa.Text, primary_key=True, comment="empty for every organisation"),
        sa.Column("name", sa.Text, primary_key=True),
        _text("version"),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", _TIME, nullable=False),
        sa.Column("sha256", _OCTETS, nullable=False),
        sa.Column("upload", sa.Text, nullable=False, comment="whose chunks the file consists of"),
        sa.Column("uploaded_at", _TIME, nullable=False),
        _text("uploaded_by"),
    )
    op.create_table(
        "uploads",
        sa.Column("upload", sa.Text, primary_key=True),
        sa.Column("begun_at", _TIME, nullable=False),
        sa.Column("left_at", _TIME, comment="when its file was replaced or removed; who downloads it may finish"),
    )
    op.create_table(
        "file_chunks",
        sa.Column("upload", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("octets", _OCTETS, nullable=False),
    )
    op.create_table(
        "publication",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("language", sa.Text, primary_key=True),
        _text("introduction"),
        _text("instructions"),
        _text("contact"),
        sa.Column("updated_at", _TIME, nullable=False),
        _text("updated_by"),
        comment="what an organisation's publication page says beside what all say",
    )


def _make_mail() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("event_key", sa.Text, nullable=False, unique=True, comment="one mail for one event and recipient"),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("begun_at", _TIME, comment="before the mail server hears of it"),
        sa.Column("sent_at", _TIME),
        _text("failed", "why it was given up"),
    )
    unsent = sa.text("sent_at IS NULL AND failed = ''")
    op.create_index("mails_due", "mails", ["due_at"], sqlite_where=unsent, postgresql_where=unsent)


def _make_indexes() -> None:
    """Index what the console's lists, searches and figures ask for."""
    requested = sa.text("state = 'requested'")
    for name, columns in (
        ("requests_waiting", ["created_at"]),
        ("requests_waiting_of", ["organisation", "created_at"]),
    ):
        op.create_index(name, "requests", columns, sqlite_where=requested, postgresql_where=requested)
    decided = sa.text("decided_at IS NOT NULL")
    for name, columns in (
        ("requests_decided", ["decided_at"]),
        ("requests_decided_of", ["organisation", "decided_at"]),
    ):
        op.create_index(name, "requests", columns, sqlite_where=decided, postgresql_where=decided)
    op.create_index("requests_email", "requests", ["email"])
    op.create_index("requests_device_of", "requests", ["device_id"])
    valid = sa.text("status = 'valid'")
    for name, columns in (
        ("certificates_expiring", ["not_after"]),
        ("certificates_expiring_of", ["organisation", "not_after"]),
    ):
        op.create_index(name, "certificates", columns, sqlite_where=valid, postgresql_where=valid)
    op.create_index("certificates_email", "certificates", ["email"])
    op.create_index("events_organisation", "events", ["organisation", "id"])
    # What is frequent is found by walking the log, and left out here (`certdesk.store.trail`).
    rare_actor = sa.text("actor <> 'requester' AND actor <> 'desk'")
    op.create_index("events_actor", "events", ["actor", "id"], sqlite_where=rare_actor, postgresql_where=rare_actor)
    frequent = ("request.submitted", "request.approved", "request.issued", "request.installed")
    rare_action = sa.text(" AND ".join(f"action <> '{action}'" for action in frequent))
    op.create_index("events_action", "events", ["action", "id"], sqlite_where=rare_action, postgresql_where=rare_action)
