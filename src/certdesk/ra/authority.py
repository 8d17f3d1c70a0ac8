"""The registration authority as doors and commands see it: all its use cases in one object.

They are layered by what they build on: submission, decision, collection, revocation, reading, registry,
access. Each layer is a module that can be read on its own. What the console and the doors of standard protocols
need beside them stands in modules of its own, as bases of the same object.
"""

from certdesk.ra.authorities import Authorities
from certdesk.ra.files import Files
from certdesk.ra.managers import Managers
from certdesk.ra.overview import Overviews
from certdesk.ra.passkeys import Passkeys
from certdesk.ra.protocols import Protocols
from certdesk.ra.publication import Publishing
from certdesk.ra.trail import Trails


class RegistrationAuthority(Files, Overviews, Publishing, Managers, Passkeys, Authorities, Trails, Protocols):
    """Every use case of the desk."""
