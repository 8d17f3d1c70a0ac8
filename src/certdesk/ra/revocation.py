"""Revoking certificates, for good."""

from contextlib import suppress
from dataclasses import replace

from certdesk.domain.enrollment import Certificate, Principal
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import Action, CertificateStatus, RevocationReason
from certdesk.domain.text import N_
from certdesk.ra.collection import Collections
from certdesk.ra.office import check_no_auditor, checked_text, hidden_from, no_such_certificate


class Revocations(Collections):
    """Revocation is final; relying parties learn of it by OCSP at once and by the CRL published with it."""

    async def revoke(
        self, serial_number: bytes, by: Principal, reason: RevocationReason, comment: str = ""
    ) -> Certificate:
        """Revoke a certificate and publish a CRL; on keyCompromise its key is never accepted again.

        Raises `NOT_FOUND`, `FORBIDDEN` and `CONFLICT`. Should the CRL fail, the certificate is revoked all
        the same and the CRL job publishes it.
        """
        certificate = await self._seen_certificate(serial_number, by)
        check_no_auditor(by)
        comment = checked_text("comment", comment, required=False)
        if certificate.status is CertificateStatus.REVOKED:
            raise already_revoked(certificate)
        at = self._clock()
        event = self._log.event(
            Action.REVOKE,
            by,
            organisation=certificate.organisation,
            subject=serial_number.hex(),
            reason=reason.value,
            comment=comment,
        )
        if not await self._store.certificates.revoke(certificate, by.name, reason, comment, at, event):
            raise already_revoked(await self._seen_certificate(serial_number, by))
        # Revoked is revoked: should no list be made right now, the job that renews the lists makes one.
        with suppress(CertdeskError):
            await self._publish_crl()
        return replace(
            certificate,
            status=CertificateStatus.REVOKED,
            revoked_at=at,
            revocation_reason=reason,
            revoked_by=by.name,
            revocation_comment=comment,
        )

    async def _seen_certificate(self, serial_number: bytes, by: Principal) -> Certificate:
        """Return a certificate within the caller's scope, or raise `NOT_FOUND`."""
        certificate = await self._store.certificates.get(serial_number, by.organisation)
        if certificate is None or certificate.kind is hidden_from(by):
            raise no_such_certificate()
        return certificate


def already_revoked(certificate: Certificate) -> CertdeskError:
    """Say who revoked a certificate."""
    return CertdeskError(
        ErrorKind.CONFLICT, N_("this certificate was revoked already, by {by}"), by=certificate.revoked_by
    )
