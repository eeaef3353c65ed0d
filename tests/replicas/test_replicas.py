"""Three processes on one database, and what befalls them: the work goes on, and the record of it is sound."""

import psycopg
import pytest

from tests.replicas.afternoon import Afternoon
from tests.replicas.fleet import Fleet

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def kept_url(postgres_server, postgres_url):
    """Return the URL of a database that keeps what was committed when its server is killed."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit TO on')
    return postgres_url


async def test_killed_and_stopped(tmp_path, kept_url):
    """Who is killed or stopped is taken over from; what is stopped does nothing more when it goes on."""
    async with Fleet.of(tmp_path, kept_url) as fleet:
        afternoon = Afternoon(fleet)
        await afternoon.kill()
        await afternoon.pause()
        assert await afternoon.over(tmp_path / "history.jsonl") == []
        await fleet.check_audit()


async def test_cut_off_and_restarted(tmp_path, kept_url, postgres_server):
    """Packets to the database and to Slack vanish, PostgreSQL is killed and comes back; over HTTP in turn."""
    async with Fleet.of(tmp_path, kept_url, mode="http") as fleet:
        afternoon = Afternoon(fleet)
        await afternoon.cut_from_the_database(silently=True)
        await afternoon.cut_from_slack(silently=True)
        await afternoon.restart(postgres_server, at_once=True)
        assert await afternoon.over(tmp_path / "history.jsonl") == []
        await fleet.check_audit()
