"""A submission, an organisation and facts that policy has nothing against, for tests to spoil."""

from dataclasses import replace

from certdesk.domain.enrollment import Device, Kind, Manager, Names, Organisation, Role, Submission
from certdesk.policy.submission import Facts
from certdesk.wire.pkcs10 import parse_csr
from tests.unit.wire.csr_maker import make_csr

CSR = parse_csr(make_csr())
ORGANISATION = Organisation("FRA1", "La Poste", "FR")
FACTS = Facts(key_owner=None, key_compromised=False)
MOBILE = Submission(
    organisation="FRA1",
    kind=Kind.MOBILE,
    csr=CSR.der,
    claim_sha256=bytes(32),
    email="marie.dupont@poste.example",
    phone="+33123456789",
    description="The handheld of the sorting centre, blue sticker 12",
    state_or_province="Auvergne-Rhône-Alpes",
    locality="Lyon",
    device=Device("356938035643809", "Zebra TC58", "Android 14", "Enroll 1.0.0"),
)
SERVER = replace(MOBILE, kind=Kind.SERVER, names=Names(("www.poste.example",), ("192.0.2.1",)))
MANAGER_REQUEST = Submission(
    organisation="FRA1",
    kind=Kind.MANAGER,
    csr=CSR.der,
    claim_sha256=bytes(32),
    email="marie.dupont@poste.example",
    phone="",
    description="",
    state_or_province="",
    locality="",
    device=Device("marie.dupont@poste.example"),
    common_name="Marie Dupont",
)
MANAGER = Manager("marie.dupont@poste.example", "Marie Dupont", Role.REGISTRATION_MANAGER, "FRA1")
