"""Runs client commands in processes that die at a chosen moment, as by `kill -9` or a power cut.

A program of its own: it has loaded the client, forks for every run, and so takes milliseconds for each.
It reads `{"arguments": […], "within": "/directory", "kill_at": 3}` line by line and answers
`{"killed": true}` or `{"killed": false, "code": 0}`. The moments are counted in the audit events
(PEP 578) of opening, naming and removing files below the directory, and of connecting: at each of them
what was before has happened, and the step itself has not.
"""

import json
import os
import signal
import sys

from certdesk.client.commands import configure, deliver, follow, renew, request  # noqa: F401 - loaded before the forks
from certdesk.client.main import run
from certdesk.client.surroundings import Surroundings
from certdesk.client.transport import Patience

_FILE_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir"}


def _die_at(moment: int, within: str) -> None:
    """Kill this process at its n-th step."""
    passed = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal passed
        if event == "socket.connect" or (event in _FILE_EVENTS and str(arguments[0]).startswith(within)):
            passed += 1
            if passed == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _live(order: dict[str, object]) -> None:
    """Run the client in this process, which ends with it."""
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    if order["kill_at"]:
        _die_at(int(str(order["kill_at"])), str(order["within"]))
    patience = Patience(sleep=lambda _: None)
    arguments = order["arguments"]
    assert isinstance(arguments, list)
    os._exit(run(arguments, Surroundings({}, "en", str, patience=patience, scrypt_cost=2)))


def main() -> None:
    """Serve orders until the input ends."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        answer = {"killed": killed} if killed else {"killed": False, "code": os.WEXITSTATUS(status)}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
