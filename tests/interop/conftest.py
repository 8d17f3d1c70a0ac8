"""One desk for all programs that enroll at its doors: each test has devices and names of its own."""

from collections.abc import Iterator

import pytest

from tests.interop.protocol_desk import ProtocolDesk


@pytest.fixture(scope="session")
def protocol_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProtocolDesk]:
    """Return a desk that is open to devices."""
    desk = ProtocolDesk(tmp_path_factory.mktemp("protocol") / "desk")
    try:
        desk.open()
        yield desk
    finally:
        desk.server.kill()
