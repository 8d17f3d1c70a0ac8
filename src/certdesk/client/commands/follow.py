"""`certdesk-client status`, `collect` and `show`: where an enrollment stands, and the certificate when it is there."""

from certdesk.client import summary
from certdesk.client.enrollment import Workflow
from certdesk.client.failures import DONE, ClientError, exit_code_of
from certdesk.client.records import Enrollment
from certdesk.client.session import Session
from certdesk.client.waiting import until_decided
from certdesk.domain.errors import CertdeskError, ErrorKind
from certdesk.domain.states import PENDING, RequestState
from certdesk.domain.text import N_


def follow(session: Session, name: str | None, *, collect: bool, wait: bool, timeout: float | None) -> int:
    """Ask the desk where the request stands; with `collect`, take the certificate once it is issued."""
    found = session.name(name)
    session.home.load(found)
    with session.workflow() as workflow:

        def look() -> tuple[Enrollment, float | None]:
            with session.home.locked(found):
                return workflow.look(workflow.submit(session.home.load(found)), collect=collect)

        if wait:
            with session.screen.waiting(N_("waiting for a decision about {name}"), name=found):
                usual = session.settings().poll_seconds
                enrollment = until_decided(look, session.patience, usual_pause=usual, timeout=timeout)
        else:
            enrollment, _ = look()
        if enrollment.status == "new":
            raise ClientError(
                ErrorKind.NOT_FOUND,
                N_("the desk has refused what {name} asked for; nothing is waiting there"),
                hint=N_("certdesk-client request with what it said corrected"),
                name=found,
            )
        enrollment = reported(session, workflow, enrollment)
    session.screen.result(summary.document(enrollment), summary.rows(enrollment))
    _note_what_comes_next(session, enrollment)
    return exit_code_of(enrollment.status)


def _note_what_comes_next(session: Session, enrollment: Enrollment) -> None:
    if enrollment.status in PENDING:
        session.screen.note(N_("not issued yet; check again later"))
    elif enrollment.requested and enrollment.status == RequestState.ISSUED:
        session.screen.note(N_("next: certdesk-client collect"))
    elif enrollment.status == RequestState.ISSUED:
        session.screen.note(N_("next: certdesk-client install, or certdesk-client export"))
    elif enrollment.status != "installed":
        session.screen.note(N_("next: certdesk-client request with what is wrong corrected"))


def reported(session: Session, workflow: Workflow, enrollment: Enrollment) -> Enrollment:
    """Tell the desk of an installation that it does not know; when that fails, a later command does it."""
    try:
        with session.home.locked(enrollment.name):
            return workflow.report(session.home.load(enrollment.name))
    except CertdeskError as error:
        session.screen.warning(error)
        session.screen.note(N_("the desk could not be told that the certificate is installed; the next status does it"))
        return enrollment


def show(session: Session, name: str | None) -> int:
    """Show what is known here of one enrollment, or of all, without asking the desk."""
    enrollments = [session.home.load(each) for each in ([session.name(name)] if name else session.home.names())]
    if not enrollments:
        session.home.the_only_name()
    if len(enrollments) == 1:
        session.screen.result(summary.document(enrollments[0]), summary.rows(enrollments[0]))
        return DONE
    lines = [(each.name, _in_a_line(each)) for each in enrollments]
    session.screen.result({"enrollments": [summary.document(each) for each in enrollments]}, lines)
    return DONE


def _in_a_line(enrollment: Enrollment) -> str:
    facts = dict(summary.rows(enrollment))
    return "  ".join(filter(None, (enrollment.status, facts["request ID"], facts["valid until"])))
