"""Three processes on one database, and what befalls them: the work goes on, and the record of it is sound."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from tests.replicas.afternoon import Afternoon
from tests.replicas.fleet import Fleet
from tests.servers.postgres import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Yield a cluster of the test's own: others are not to be there when it is killed."""
    with closing(PostgresServer()) as own:
        yield own


@pytest.fixture
def kept_url(server: PostgresServer) -> str:
    """Return the URL of a database that keeps what was committed when its server is killed."""
    url = server.create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit TO on')
    return url


async def test_killed_and_stopped(tmp_path, kept_url):
    """Who is killed or stopped is taken over from; what is stopped does nothing more when it goes on."""
    async with Fleet.of(tmp_path, kept_url) as fleet:
        afternoon = Afternoon(fleet)
        await afternoon.kill()
        await afternoon.pause()
        assert await afternoon.over(tmp_path / "history.jsonl") == []
        await fleet.check_audit()


async def test_cut_off_and_restarted(tmp_path, kept_url, server):
    """Packets to the database and to Slack vanish, PostgreSQL is killed and comes back; over HTTP in turn."""
    async with Fleet.of(tmp_path, kept_url, mode="http") as fleet:
        afternoon = Afternoon(fleet)
        await afternoon.cut_from_the_database(silently=True)
        await afternoon.cut_from_slack(silently=True)
        await afternoon.restart(server, at_once=True)
        assert await afternoon.over(tmp_path / "history.jsonl") == []
        await fleet.check_audit()
