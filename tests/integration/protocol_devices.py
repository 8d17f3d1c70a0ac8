"""Devices that come by a standard protocol, and managers who vouch for them, as the RA's use cases see them."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from certdesk.domain.enrollment import DAY, Device, DoorRule, Kind, Manager, Principal, Role, Submission
from certdesk.ra import Enrollment
from certdesk.ra.protocols import protocol_claim
from certdesk.wire.pkcs10 import parse_csr
from tests.desks import GERMAN_MANAGER, OPERATOR, SOURCE, TestDesk, make_csr, new_key


class ProtocolDevice:
    """A device with a key, which sends the same request again and again."""

    def __init__(self, name: str = "printer-7", organisation: str = "FRA1", kind: Kind = Kind.WORKSTATION) -> None:
        self.key: ec.EllipticCurvePrivateKey = new_key()
        self.name = name
        self.organisation = organisation
        self.kind = kind

    def submission(self, *dns: str, **changes: Any) -> Submission:
        """Return its request; every call signs it anew."""
        csr = make_csr(self.key, *dns)
        values: dict[str, Any] = {
            "organisation": self.organisation,
            "kind": self.kind,
            "csr": csr,
            "claim_sha256": protocol_claim("est", self.organisation, self.kind, parse_csr(csr).spki),
            "email": "",
            "phone": "",
            "description": f"CN={self.name}",
            "state_or_province": "",
            "locality": "",
            "device": Device(self.name),
        }
        return Submission(**values | changes)

    async def ask(self, desk: TestDesk, *dns: str, code: str = "", **changes: Any) -> Enrollment:
        """Send it to a desk."""
        submission = self.submission(*dns, **changes)
        enrollment, _ = await desk.ra.enroll(submission, door="est", source=SOURCE, code=code)
        return enrollment


async def registered_manager(desk: TestDesk, email: str = "claire@poste.example") -> Principal:
    """Register a manager of FRA1."""
    role = Role.REGISTRATION_MANAGER
    await desk.ra.add_manager(Manager(email, "Claire Petit", role, "FRA1"), OPERATOR)
    return Principal(email, role, "FRA1")


async def spoiled_codes(desk: TestDesk) -> tuple[str, str, str, str]:
    """Return codes that are no good for a workstation of FRA1: withdrawn, expired, for phones, and of DEU1."""
    claire = await registered_manager(desk)
    withdrawn, of_withdrawn = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire)
    await desk.ra.withdraw_code(withdrawn.id, claire)
    _, expired = await desk.ra.add_code("FRA1", Kind.WORKSTATION, claire, days=1)
    _, mobile = await desk.ra.add_code("FRA1", Kind.MOBILE, claire)
    _, german = await desk.ra.add_code("DEU1", Kind.WORKSTATION, GERMAN_MANAGER)
    desk.time.now += 2 * DAY
    return of_withdrawn, expired, mobile, german


async def allow(desk: TestDesk, *rules: DoorRule, organisation: str = "FRA1") -> None:
    """Give an organisation its rules for protocol doors."""
    await desk.ra.set_door_rules(organisation, frozenset(rules), OPERATOR)
