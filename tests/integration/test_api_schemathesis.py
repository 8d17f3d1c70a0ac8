"""Schemathesis, which made up its own mind from the OpenAPI document alone, finds nothing to complain about."""

import asyncio
import os
import sys
from pathlib import Path

from certdesk.domain.enrollment import Role
from certdesk.serving import Endpoint, bind
from tests.desks import OPERATOR, make_desk
from tests.integration.api_calls import open_api
from tests.integration.test_api_serving import serving

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
[checks.negative_data_rejection]  # its list, and 413: an invalid body that is too large is refused for that
expected-statuses = [400, 401, 403, 404, 405, 409, 413, 422]
"""


async def test_schemathesis_finds_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """All its checks and phases: statuses, media types, schemas, methods, refused and accepted data, credentials."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    desk = await make_desk(sqlite_url, tmp_path)
    await desk.store.organisations.put_property("desk_url", "https://desk.example")
    token = await desk.ra.add_token("schemathesis", Role.ADMINISTRATOR, "", 1, OPERATOR)
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1/openapi.json"
    options = ["--checks=all", "--max-examples=10", "--continue-on-failure", "--no-color", "--generation-deterministic"]
    async with open_api(desk) as api, serving(Endpoint(listening, api.app)):
        program = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("schemathesis"),
            *("run", url, f"--header=Authorization: Bearer {token}", *options),
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.integration.schemathesis_hooks", "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        report, _ = await program.communicate()
    await desk.close()
    assert program.returncode == 0, report.decode()
    assert b"Tested: 14" in report
    assert not api.journal.lines
