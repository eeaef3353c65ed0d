"""A town whose Shipmate is killed at points of the road, and what must hold whatever was killed when."""

import asyncio
import contextlib
import os
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.road.shop import git
from tests.road.town import ROOT, Json, Town, words

PATIENCE = 200.0
"""Seconds until a deployment that is killed at each of its steps must have ended; there are about twenty."""


def quick(town_folder: Path, settings: Json) -> None:
    """Change a town's configuration: production needs no staging, is verified in no time, and counts its starts."""
    service = settings["services"]["checkout"]
    for environment in service["environments"]:
        environment.pop("promote_from", None)
        environment["verify"] |= {"window": "600ms", "interval": "200ms"}
    for place in settings["integrations"]["local"]["places"].values():
        place["command"] = counted(town_folder, place["command"])


def counted(folder: Path, command: Sequence[str]) -> list[str]:
    """Return a place's command that notes each start of a version in `starts.log`."""
    script = f'echo "$1" >> {folder}/starts.log; shift; exec "$@"'
    return ["/bin/sh", "-c", script, "start", "{version}", *command]


def gated(gate: Path, command: Sequence[str]) -> list[str]:
    """Return a command that begins once the file `gate` is there."""
    return ["/bin/sh", "-c", f'until [ -e {gate} ]; do sleep 0.05; done; exec "$@"', "gate", *command]


def release(repository: Path, version: str, how: str) -> None:
    """Commit and tag a version that behaves as the file says."""
    (repository / "VERSION").write_text(f"{version}\n")
    (repository / "behaviour.json").write_text(how)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", f"Release {version}", author="tom")
    git(repository, "tag", version)


class CrashTown(Town):
    """A town that can run Shipmate with points at which it is killed."""

    @property
    def crashes(self) -> Path:
        """The folder of the points."""
        return self.folder / "crashes"

    def points(self, name: str) -> list[str]:
        """Return the lines of `reached`, `killed` or `armed`."""
        path = self.crashes / name
        return path.read_text().splitlines() if path.exists() else []

    def arm(self, *patterns: str) -> None:
        """Have Shipmate killed, once at each point that matches."""
        self.crashes.mkdir(exist_ok=True)
        new = self.crashes / "armed.new"
        new.write_text("".join(f"{pattern}\n" for pattern in patterns))
        new.replace(self.crashes / "armed")

    async def start_to_be_killed(self, env: Mapping[str, str] | None = None) -> None:
        """Start Shipmate with its points; it comes up again by itself after each kill."""
        self.crashes.mkdir(exist_ok=True)
        with (self.folder / "shipmate.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.runner", "serve",
                "--config", str(self.folder / "shipmate.yaml"),
                stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
                env={**os.environ, "CRASHES": str(self.crashes), **(env or {})},
            )  # fmt: skip
        await self.until(self._ready, "Shipmate is ready")

    async def kept(self, deed: Callable[[], Any]) -> Json:
        """Do what a person does until Slack says that it arrived: who sees an error does it again."""

        async def arrived() -> Json | None:
            await self.until(self._ready, "Shipmate is ready")
            outcome: Json = await deed()
            return outcome if outcome["ok"] else None

        outcome = await self.until(arrived, "an acknowledgement", PATIENCE)
        assert isinstance(outcome, dict)
        return outcome

    async def cards(self, *parts: str, channel: str = "checkout") -> list[Json]:
        """Return the cards that hold these words in their notification text; news of a bad end are no cards."""
        return [
            message
            for message in await self.messages(channel)
            if re.match(r"D-\d+ ", message["text"])
            and ". " not in message["text"]
            and not message.get("ephemeral_to")
            and message.get("thread_ts", message["ts"]) == message["ts"]
            and all(part in message["text"] for part in parts)
        ]

    async def carried(self, text: str, title: str, *, approver: str = "", channel: str = "checkout") -> Json:
        """Ask for a deployment in the slash command `text`, approve it, and return its card once it has ended.

        Whatever is killed: people repeat what Slack told them did not arrive, and nothing else.
        """
        known = {card["ts"] for card in await self.cards(title, channel=channel)}

        async def new() -> list[Json]:
            return [card for card in await self.cards(title, channel=channel) if card["ts"] not in known]

        async def ask() -> Json:
            outcome = await self.slash("mia", text, channel)
            if not outcome["ok"] and not self._lost():
                with contextlib.suppress(AssertionError):  # it was stored, and only the acknowledgement was lost
                    await self.until(new, "its card", 20)
                    return {"ok": True}
            return outcome

        await self.kept(ask)
        approved = not approver

        async def ended() -> Json | None:
            nonlocal approved
            found = await new()
            assert len(found) <= 1, f"{len(found)} cards: {[card['text'] for card in found]}"
            if not found:
                return None
            if not approved and "waits for approval" in words(found[0]):
                with contextlib.suppress(AssertionError):  # redrawn meanwhile
                    approved = (await self.press(approver, found[0], "Approve"))["ok"]
            return found[0] if re.search(r": (done|failed|rolled back|cancelled|void)", found[0]["text"]) else None

        card = await self.until(ended, f"the end of {title}", PATIENCE)
        assert isinstance(card, dict)
        return card

    def _lost(self) -> bool:
        killed = self.points("killed")
        return bool(killed) and killed[-1].startswith("accept.") and killed[-1].endswith(":before")

    async def quiet(self) -> None:
        """Wait until Shipmate has said everything that it wanted to say."""

        async def said() -> bool:
            return await asyncio.to_thread(self._unsaid) == 0

        await self.until(said, "the outbox is empty")

    def _unsaid(self) -> int:
        url = self.settings.get("database", "")
        open_rows = "SELECT count(*) FROM {}slack_outbox WHERE state IN ('waiting', 'sending', 'doubt')"
        if url:
            with psycopg.connect(url) as postgres:
                row = postgres.execute(open_rows.format("shipmate.")).fetchone()
        else:
            file = Path(self.settings["state_dir"]) / "shipmate.db"
            with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as lite:
                row = lite.execute(open_rows.format("")).fetchone()
        assert row is not None
        return int(row[0])

    async def sha(self, version: str) -> str:
        """Return the commit of a version."""
        return await asyncio.to_thread(git, self.folder / "checkout", "rev-parse", f"{version}^{{commit}}")

    def starts(self, version: str) -> int:
        """Return how often the service was started in this version."""
        path = self.folder / "starts.log"
        return path.read_text().split().count(version) if path.exists() else 0

    async def check_said_once(self, card: Json, *, channel: str = "checkout") -> None:
        """Check that nothing about a deployment was said twice: in the channel, its thread, or to a person.

        What only one person sees in a channel may repeat after a crash, because Slack cannot be asked for it.
        """
        deployment = card["text"].split()[0]
        said = Counter(
            (message["channel"], message.get("thread_ts", ""), words(message))
            for message in await self.messages("")
            if not message.get("ephemeral_to") and deployment in words(message) + message.get("thread_ts", "")
        )
        assert said, f"nothing is said of {deployment}"
        twice = {what: times for what, times in said.items() if times > 1}
        assert not twice, f"said more than once: {twice}"
        assert [one["ts"] for one in await self.cards(f"{deployment} ", channel=channel)] == [card["ts"]]

    async def check_audit(self) -> None:
        """Check that the audit log is whole."""
        status, said = await self.shipmate("audit", "verify", "--config", str(self.folder / "shipmate.yaml"))
        assert status == 0, said
        assert said.startswith("whole: "), said
