"""The workflow of an enrollment: prepared, requested, issued; then renewed the same way.

    workflow = Workflow(home, settings, desk)
    enrollment = workflow.prepare(enrollment, form, order)   # on disk before the desk hears of it
    enrollment = workflow.submit(enrollment)                 # again and again, if need be: the claim is the same
    enrollment, _ = workflow.look(enrollment, collect=True)  # only what has been verified is kept

Each method makes at most one call and then at most one write, so a kill between any two leaves a state
from which the same command goes on. Call them while holding the enrollment's lock.
"""

import base64
import os
from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certdesk.client.desk import Answer, Desk, RefusedError
from certdesk.client.device import this_device
from certdesk.client.failures import unusable_answer
from certdesk.client.home import Home
from certdesk.client.records import Enrollment, Form, Issued, Order, Requested
from certdesk.client.verify import verify_certificate
from certdesk.domain.clock import Clock, system_clock
from certdesk.domain.enrollment import Kind
from certdesk.domain.identifiers import Randomness, sha256, verification_code
from certdesk.domain.states import RequestState
from certdesk.domain.text import N_
from certdesk.wire.settings import Settings
from certdesk.wire.spki import spki_of

_MOST_RETIRED = 8


def new_claim(randomness: Randomness = os.urandom) -> str:
    """Return 32 random bytes in 43 base64url characters; whoever knows them may collect."""
    return base64.urlsafe_b64encode(randomness(32)).decode().rstrip("=")


class Workflow:
    """Carries enrollments from one state to the next: the only writer of them."""

    def __init__(self, home: Home, settings: Settings, desk: Desk, *, clock: Clock = system_clock) -> None:
        self._home = home
        self._settings = settings
        self._desk = desk
        self._clock = clock

    def prepare(self, enrollment: Enrollment, form: Form, order: Order) -> Enrollment:
        """Keep a key, CSR and claim before anybody hears of them."""
        return self._keep(enrollment.prepare(form, order))

    def submit(self, enrollment: Enrollment) -> Enrollment:
        """Submit the prepared order, for the first or the tenth time; nothing to do when there is none."""
        order = enrollment.prepared
        if order is None:
            return enrollment
        try:
            if order.renews:
                answer = self._desk.renew(order.renews, _renewal(order))
            else:
                answer = self._desk.submit(self._submission(enrollment.form, order))
        except RefusedError:
            self._keep(enrollment.refuse())
            raise
        requested = self._believe(answer, enrollment, order)
        acknowledged = enrollment.acknowledge(requested)
        if answer.certificate:  # a renewal is decided at once
            acknowledged = self._collected(acknowledged, requested, answer)
        return self._keep(acknowledged)

    def look(self, enrollment: Enrollment, *, collect: bool = False) -> tuple[Enrollment, float | None]:
        """Ask where the request stands, if there is one; with `collect`, keep its certificate once that is verified.

        Also returns for how many seconds the desk would like to be left alone, None if it does not say.
        """
        asked = enrollment.requested
        if asked is None:
            return enrollment, None
        answer = self._desk.look(asked.id, asked.order.claim)
        if answer.id != asked.id:
            raise unusable_answer(
                N_("the desk's answer is about request {other}, not {ours}"), other=answer.id, ours=asked.id
            )
        requested = self._believe(answer, enrollment, asked.order)
        enrollment = enrollment.acknowledge(requested)
        if collect and requested.status == RequestState.ISSUED:
            enrollment = self._collected(enrollment, requested, answer)
        return self._keep(enrollment), answer.retry_after

    def installed(self, enrollment: Enrollment) -> Enrollment:
        """Remember that the certificate has been installed."""
        if enrollment.issued is None:
            return enrollment
        issued = replace(enrollment.issued, installed_at=self._clock())
        return self._keep(replace(enrollment, issued=issued))

    def report(self, enrollment: Enrollment) -> Enrollment:
        """Tell the desk that the certificate is installed, once."""
        issued = enrollment.issued
        if issued is None or not issued.installed_at or issued.reported:
            return enrollment
        self._desk.installed(issued.id, issued.claim)
        return self._keep(replace(enrollment, issued=replace(issued, reported=True)))

    def _keep(self, enrollment: Enrollment) -> Enrollment:
        """Save what has changed."""
        if self._home.find(enrollment.name) != enrollment:
            self._home.save(enrollment)
        return enrollment

    def _submission(self, form: Form, order: Order) -> dict[str, object]:
        body: dict[str, object] = {
            "organisation": self._settings.organisation,
            "kind": form.kind,
            "csr": order.csr,
            "claim": order.claim,
            "contact": {"email": form.email, "phone": form.phone},
            "location": {"state_or_province": form.state_or_province, "locality": form.locality},
            "description": form.description,
            "device": {"id": form.device_id, **this_device()},
        }
        if form.kind is Kind.SERVER:
            body["names"] = {"dns": form.dns, "ip": form.ip}
        return body

    def _believe(self, answer: Answer, enrollment: Enrollment, order: Order) -> Requested:
        """Return what the desk says if it is about our key, our organisation and what we asked for; else raise."""
        code = verification_code(sha256(_spki(order)))
        ours = (enrollment.organisation, enrollment.form.kind, code)
        if (answer.organisation, answer.kind, answer.verification_code) != ours:
            raise unusable_answer(N_("the desk's answer is about another request than ours"))
        return Requested(order, answer.id, answer.status, code, answer.reason, answer.lapses_at, answer.superseded_by)

    def _collected(self, enrollment: Enrollment, asked: Requested, answer: Answer) -> Enrollment:
        """Return the enrollment with the answer's certificate once that has been verified; else raise."""
        certificate, chain = verify_certificate(
            answer.certificate,
            answer.chain,
            spki=_spki(asked.order),
            anchors=self._settings.trust_anchors,
            kind=enrollment.form.kind,
            now=datetime.fromtimestamp(self._clock() / 1000, UTC),
        )
        return enrollment.collect(
            Issued(
                id=asked.id,
                claim=asked.order.claim,
                key=asked.order.key,
                certificate=_pem(certificate),
                chain="".join(map(_pem, chain)),
                retired=_retired(enrollment.issued),
            )
        )


def _renewal(order: Order) -> dict[str, object]:
    return {"csr": order.csr, "claim": order.claim, "proof": order.proof}


def _spki(order: Order) -> bytes:
    """Return the DER SubjectPublicKeyInfo of our key."""
    key = x509.load_pem_x509_csr(order.csr.encode()).public_key()
    return spki_of(key)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _retired(predecessor: Issued | None) -> tuple[str, ...]:
    """Return the certificates that were installed before this one, the last few of them."""
    if predecessor is None or not predecessor.installed_at:
        return predecessor.retired if predecessor else ()
    return (*predecessor.retired, predecessor.certificate)[-_MOST_RETIRED:]
