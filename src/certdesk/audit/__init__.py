"""The log of who did what: authenticated event by event, sealed in signed batches, and verifiable.

    log = AuditLog(signer, system_clock, os.urandom)
    event = log.event(Action.APPROVE, by, organisation="FRA1", subject="FRA1-7GQ4-2KXM", comment="...")

An event is written in the same change as what it records, with a message authentication code that
only the desk can make. Soon after, `seal` puts it into a batch: a statement that lists each event's
digest in order and the digest of the batch before, signed with the audit key. `verify` walks it all.
"""

from certdesk.audit.log import AuditLog
from certdesk.audit.seal import seal
from certdesk.audit.verify import Finding, verify

__all__ = ["AuditLog", "Finding", "seal", "verify"]
