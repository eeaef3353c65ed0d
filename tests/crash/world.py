"""What is left when a story has been told: the rows, the workspace, and the world outside, as plain data."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from bot.sandbox import Sandbox
from tests.road.reading import words
from tests.road.shop import git
from tests.road.town import Json

Row = Mapping[str, Any]

_ALL = "SELECT * FROM {}"
TABLES = (
    "alert_groups", "approval_votes", "approvals", "audit_entries", "deliveries", "deployment_events", "deployments",
    "pages", "paging_errands", "paging_runs", "places", "releases", "slack_outbox", "starts",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message in the workspace; `key` is what its metadata says that it is, "" for none."""

    key: str
    channel: str
    ts: str
    summary: str
    text: str


@dataclass(frozen=True, kw_only=True)
class World:
    """All that the invariants look at.

    `tables` are rows by the name of their table, `workflows` the engine's own; `wishes` the commands that Slack said
    had arrived, `builds` the commits that were built, `starts` the versions that were started, one entry for each time;
    `running` is the version that answers on each "service/environment", `pages` the marks of the pages that a telephone
    got, `tags` the commit of each tag, `audit` what is wrong with the chain, "" when it is whole. Only messages that
    all of a channel see are in `said`: what one person sees cannot be asked for.
    """

    tables: Mapping[str, Sequence[Row]]
    workflows: Sequence[Row]
    said: Sequence[Said] = ()
    wishes: Sequence[str] = ()
    builds: Sequence[str] = ()
    starts: Sequence[str] = ()
    running: Mapping[str, str] = field(default_factory=dict)
    pages: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    audit: str = ""

    def rows(self, table: str) -> Sequence[Row]:
        """Return the rows of a table, none where nobody has any."""
        return self.tables.get(table, ())


def read_store(settings: Json) -> tuple[Mapping[str, Sequence[Row]], Sequence[Row]]:
    """Return the rows of our tables and of the engine's workflows, from either kind of database."""
    engine = "SELECT workflow_uuid, status, name FROM shipmate_engine.workflow_status"
    if url := settings.get("database", ""):
        with psycopg.connect(url, row_factory=dict_row) as postgres:
            found = {name: postgres.execute(_ALL.format(f"shipmate.{name}")) for name in TABLES}
            return {name: list(rows) for name, rows in found.items()}, list(postgres.execute(engine))
    folder = Path(settings["state_dir"])
    with contextlib.closing(_lite(folder / "shipmate.db")) as lite:
        ours = {name: [dict(row) for row in lite.execute(_ALL.format(name))] for name in TABLES}
    with contextlib.closing(_lite(folder / "engine.db")) as lite:
        return dict(ours), [dict(row) for row in lite.execute(engine.replace("shipmate_engine.", ""))]


def count(settings: Json, table: str, which: str) -> int:
    """Return how many rows of a table, of ours or the engine's, a condition holds for; all for none."""
    query = f"SELECT count(*) FROM {{}}{table}{' WHERE ' if which else ''}{which}"  # noqa: S608 -- words of ours
    engine = table == "workflow_status"
    if url := settings.get("database", ""):
        with psycopg.connect(url) as postgres:
            found = postgres.execute(query.format("shipmate_engine." if engine else "shipmate.")).fetchone()
    else:
        file = Path(settings["state_dir"]) / ("engine.db" if engine else "shipmate.db")
        with contextlib.closing(_lite(file)) as lite:
            found = lite.execute(query.format("")).fetchone()
    assert found is not None
    return int(found[0])


def read_workspace(sandbox: Sandbox) -> list[Said]:
    """Return every message of the workspace that more than one person can see."""
    found = []
    for channel in sandbox.workspace.channels.values():
        for one in channel.messages.values():
            if one.ephemeral_to:
                continue
            payload = (one.metadata or {}).get("event_payload", {})
            text = words({"text": one.text, "blocks": one.blocks})
            found.append(
                Said(key=str(payload.get("key", "")), channel=channel.id, ts=one.ts, summary=one.text, text=text)
            )
    return found


async def read_tags(repository: Path) -> dict[str, str]:
    """Return the commit of each tag of a repository."""
    listed = await asyncio.to_thread(
        git, repository, "for-each-ref", "--format=%(refname:short) %(objectname) %(*objectname)", "refs/tags"
    )
    parts = [line.split() for line in listed.splitlines()]
    return {each[0]: each[-1] for each in parts}


def lines_of(path: Path) -> list[str]:
    """Return the words of a file, none where there is no file."""
    return path.read_text().split() if path.exists() else []


def value(row: Row, column: str) -> Any:
    """Return a column that holds JSON, whichever database it is from."""
    found = row[column]
    return json.loads(found) if isinstance(found, str) else found


def _lite(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection
