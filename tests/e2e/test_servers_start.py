"""A server starts, serves its managers, and stops."""

from tests.e2e.server import DeskServer


def test_serves_managers_after_start(server: DeskServer) -> None:
    """A started desk is ready and shows a manager their own organisation's requests."""
    server.start()
    assert server.is_ready()
    with server.manager("claire") as claire:
        assert claire.get("/api/v1/requests").json()["items"] == []


def test_stops_on_sigterm(server: DeskServer) -> None:
    """SIGTERM ends a server with exit status 0 and without a word about errors."""
    server.start()
    assert server.stop() == 0
    assert "error" not in server.log
