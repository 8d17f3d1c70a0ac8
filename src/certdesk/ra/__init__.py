"""The registration authority: the only writer of states.

Every door and every command reaches requests and certificates through the use cases of
`RegistrationAuthority`; each of them is a read, a judgement and one atomic change.
"""

from certdesk.ra.authority import RegistrationAuthority
from certdesk.store.requests import Enrollment

__all__ = ["Enrollment", "RegistrationAuthority"]
