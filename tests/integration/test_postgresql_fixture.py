"""The PostgreSQL that tests run on is what they take it for."""

import signal

import asyncpg
import pytest

from tests.postgresql import PostgreSQLCluster


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_it_is_durable(empty_postgresql_url: str, setting: str) -> None:
    """No setting makes it faster than an operator's."""
    assert await _value(empty_postgresql_url, f"SHOW {setting}") == "on"


async def test_a_wrong_password_is_refused(empty_postgresql_url: str) -> None:
    """Other people on the machine cannot use it."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _value(empty_postgresql_url.replace("@127", "x@127"), "SELECT 1")


async def test_each_test_has_its_own_database(postgresql_cluster: PostgreSQLCluster) -> None:
    """What one test writes, another does not see."""
    one, other = postgresql_cluster.create_database(), postgresql_cluster.create_database()
    await _value(one, "CREATE TABLE facts (fact text)")
    assert await _value(other, "SELECT to_regclass('facts')") is None


async def test_it_recovers_from_a_crash() -> None:
    """A cluster that was killed starts again and has what was committed."""
    with PostgreSQLCluster() as cluster:
        url = cluster.create_database()
        await _value(url, "CREATE TABLE facts AS SELECT 42 AS fact")
        cluster.stop(signal.SIGQUIT)
        cluster.start()
        assert await _value(url, "SELECT fact FROM facts") == 42
