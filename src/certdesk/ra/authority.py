"""The registration authority as doors and commands see it: all its use cases in one object.

They are layered by what they build on: submission, decision, collection, revocation, reading, registry,
access. Each layer is a module that can be read on its own.
"""

from certdesk.ra.access import Access


class RegistrationAuthority(Access):
    """Every use case of the desk."""
