"""The disk is full: the desk says so, loses nothing, and goes on when there is room again."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.books import audit, restart_later
from tests.e2e.load import Load
from tests.e2e.server import PATIENCE, DeskServer
from tests.integration.api_calls import make_body

MEGABYTES = 48
"""SQLite's log takes 32 of them."""
DISK_FULL = "the disk is full: nothing was stored; try again later"


class SmallDisk:
    """A file system of a few megabytes in place of a data directory, for those who run inside only.

    It is a tmpfs in a mount namespace, which lives as long as the process that waits in it. Who is not root
    becomes root of a user namespace.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.filler = data / "filler"
        self._as_user = [] if os.geteuid() == 0 else ["--user"]
        self._waiter: subprocess.Popen[str] | None = None

    def mount(self) -> None:
        """Make the file system with the present content of the data directory, or skip the test."""
        root = [*self._as_user, "--map-root-user"] if self._as_user else []
        script = f"""
            cp -a {self.data} {self.data}.copy && mount -t tmpfs -o size={MEGABYTES}m,mode=700 tmpfs {self.data} &&
            cp -a {self.data}.copy/. {self.data}/ && echo mounted && exec cat
        """
        command = ["unshare", *root, "--mount", "sh", "-c", script]
        self._waiter = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._waiter.stdout is not None
        if not self._waiter.stdout.readline():
            pytest.skip(f"no file system can be mounted here: {self._waiter.communicate()[1].strip()}")

    def unmount(self) -> None:
        """Let the file system go."""
        if self._waiter is not None:
            self._waiter.communicate()

    @property
    def inside(self) -> list[str]:
        """The words before a command that shall run where the file system is mounted."""
        assert self._waiter is not None
        user = [*self._as_user, "--preserve-credentials"] if self._as_user else []
        return ["nsenter", f"--target={self._waiter.pid}", *user, "--mount"]

    def fill(self) -> None:
        """Write until there is no room for another octet."""
        for size in ("64k", "1"):
            done = subprocess.run(
                [*self.inside, "dd", "if=/dev/zero", f"of={self.filler}", "oflag=append", "conv=notrunc", f"bs={size}"],
                capture_output=True,
                text=True,
                check=False,
            )
            assert "No space left on device" in done.stderr

    def free(self) -> None:
        """Make room again."""
        subprocess.run([*self.inside, "rm", self.filler], check=True)

    def rescue(self) -> None:
        """Copy the data directory to where everybody sees it."""
        subprocess.run([*self.inside, "cp", "-a", self.data, f"{self.data}.rescued"], check=True)
        shutil.rmtree(self.data)
        Path(f"{self.data}.rescued").rename(self.data)


@pytest.fixture
def disk(sqlite_server: DeskServer) -> Iterator[SmallDisk]:
    """Return the small disk that the server's data is on."""
    disk = SmallDisk(sqlite_server.data)
    disk.mount()
    sqlite_server.before = disk.inside
    yield disk
    sqlite_server.kill()
    disk.unmount()


async def test_goes_on_when_there_is_room_again(sqlite_server: DeskServer, disk: SmallDisk) -> None:
    """A disk that runs full under load costs 503 answers, a sentence in the log, and nothing that was acknowledged."""
    server = sqlite_server
    server.start()
    load = Load(server.url, {"FRA1": server.tls("claire")}, server.tls())
    async with load.running(4):
        await load.answers(40)
        load.reachable.clear()
        disk.fill()
        with server.device() as device:
            refused = device.post("/api/v1/requests", json=make_body())
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:certdesk:error:unavailable")
            assert refused.headers["retry-after"]
            request_id, claim = next(iter(load.ledger.claims.items()))
            path = f"/api/v1/requests/{request_id}"
            assert device.get(path, headers={"Authorization": f"Bearer {claim}"}).status_code == 200
        async with asyncio.timeout(PATIENCE):
            # The background work meets the full disk when callers let it, in another process.
            while DISK_FULL not in server.log:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        disk.free()
        load.reachable.set()
        await load.answers(40)
    server.stop()
    disk.rescue()
    server.before = ()
    await restart_later(server)
    await load.collect_rest()
    server.stop()
    await audit(server, load.ledger)


def test_starts_again_when_there_is_room_again(sqlite_server: DeskServer, disk: SmallDisk) -> None:
    """A server that finds no room at its start says so and ends; with room it starts."""
    disk.fill()
    with pytest.raises(RuntimeError, match=DISK_FULL):
        sqlite_server.start()
    assert sqlite_server.stop() == 1
    disk.free()
    sqlite_server.start()
    assert sqlite_server.is_ready()


def test_survives_a_kill_on_a_full_disk(sqlite_server: DeskServer, disk: SmallDisk) -> None:
    """A server that was killed when the disk was full serves again from the same files, before there is room."""
    sqlite_server.start()
    disk.fill()
    sqlite_server.kill()
    sqlite_server.start()
    assert sqlite_server.is_ready()


def test_commands_say_that_the_disk_is_full(sqlite_server: DeskServer, disk: SmallDisk) -> None:
    """A command that cannot write says so in a sentence, and repeated with room it works."""
    command = "organisation", "add", "CHE1", "--name=Die Post", "--country=CH"
    disk.fill()
    assert sqlite_server.certdesk(*command, status=1).stderr == f"error: {DISK_FULL}\n"
    disk.free()
    sqlite_server.certdesk(*command)
