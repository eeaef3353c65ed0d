"""No road grows with history: no statement on it reads a table that grows from one end to the other."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
import pytest_asyncio

from tests.history.asked import scanned, short
from tests.history.past import STANDING, Past, sizes
from tests.history.roads import DOINGS, story, walked
from tests.history.whole import Whole

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FEW, MORE = 40, 760
AT_MOST = 2.0
NEARLY_NOTHING = 300
"""Instructions of SQLite's machine that may come on top: a page more of an index, a row that is there by now."""

BY_PEOPLE = "written when a person asks for it: a few a day at most"
ALLOWED = {
    "access_requests": BY_PEOPLE,
    "approval_delegations": BY_PEOPLE,
}
"""Tables that are read whole, and why they may."""
NEWEST_FIRST = {
    "ix_deployments_newest": "the newest deployments of all: as many as are shown are read",
    "sqlite_autoindex_audit_entries_1": "the newest entries of all: as many as are shown are read",
}
"""Indexes that are read from their end until there are enough; only without a condition."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counted(tmp_path_factory):
    """Return what each road asked with little and with long history, and how much that took then."""
    async with Whole.up(tmp_path_factory.mktemp("history")) as whole:
        database = whole.app.settings.state_dir / "shipmate.db"
        await story(whole)
        past = Past(database, [f"svc{number}" for number in range(3)])
        await asyncio.to_thread(past.repeat, FEW)
        doings = ("the home tab", "what changed before an alert", "a lock")
        await walked(whole, past.sha, *doings)  # what is looked up once is known from here on
        little = {road: asked.steps(database) for road, asked in (await walked(whole, past.sha, *doings)).items()}
        await asyncio.to_thread(past.repeat, MORE)
        asked = await walked(whole, past.sha, *DOINGS)
        long = {road: one.steps(database) for road, one in asked.items()}
        with closing(sqlite3.connect(database)) as db:
            partial = {
                name
                for table in sizes(database)
                for _, name, _, _, part in db.execute(f"PRAGMA index_list({table})")
                if part
            }
        yield asked, {road: one.plans(database) for road, one in asked.items()}, little, long, partial, sizes(database)


async def test_what_is_read_whole_is_seen():
    assert scanned(["SCAN deployments", "USE TEMP B-TREE FOR ORDER BY"]) == [("deployments", "")]
    assert scanned(["SCAN deployments USING COVERING INDEX ix_a"]) == [("deployments", "ix_a")]
    assert scanned(["SEARCH deployments USING INDEX ix_a (service=?)"]) == []


async def test_history_is_long_in_every_table_that_grows(counted):
    *_, rows = counted
    told = {"deployments", "deployment_events", "changes", "audit_entries", "slack_outbox", "starts", "deliveries",
            "approvals", "alert_groups", "place_commits"}  # fmt: skip
    assert min(rows[table] for table in told) > FEW + MORE


async def test_no_statement_reads_a_growing_table_whole(counted):
    asked, plans, _, _, partial, rows = counted
    whole = set()
    for road, of_road in plans.items():
        for statement, plan in of_road.items():
            for table, index in scanned(plan):
                words = statement.split()
                newest = index in NEWEST_FIRST and "LIMIT" in words and "WHERE" not in words
                if table in rows.keys() - STANDING - ALLOWED.keys() and index not in partial and not newest:
                    whole.add(f"{road}: {table} {index}: {short(statement)}")
    assert not whole, "\n".join(sorted(whole))
    assert sum(one.executed for one in asked.values()) > len(plans)


async def test_no_road_costs_more_than_twice_as_much_with_long_history(counted):
    _, _, little, long, *_ = counted
    worse = {
        road: (sum(little[road].values()), sum(steps.values()), short(max(steps, key=steps.__getitem__)))
        for road, steps in long.items()
        if road in little and sum(steps.values()) > AT_MOST * sum(little[road].values()) + NEARLY_NOTHING
    }
    assert not worse, worse
