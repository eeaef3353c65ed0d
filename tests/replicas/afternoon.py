"""A bad afternoon: people deploy all the time, and something happens to the replicas, one thing after the other.

Each evil befalls the replica that carries a deployment out, while a second one waits in the queue behind it.
"""

import asyncio
import random
import time
from pathlib import Path

from tests.replicas.fleet import SERVICES, Fleet, Member
from tests.replicas.history import faults
from tests.replicas.recording import record, write

VERSIONS = ("1.4.1", "1.4.2")
PATIENCE = 240.0


class Afternoon:
    """One fleet, what was asked of it, and how long it took to take over."""

    def __init__(self, fleet: Fleet, seed: int = 1) -> None:
        self.fleet = fleet
        self.random = random.Random(seed)  # noqa: S311 - a seed that can be told
        self.last = dict.fromkeys(SERVICES, VERSIONS[1])
        self.sent = 0
        self.acknowledged = 0
        self.takeovers: dict[str, list[float]] = {}

    # ---------------------------------------------------------------------------------------------------- what is asked

    async def ask(self, service: str) -> None:
        """Ask for another version as a person does: once more where Slack said that it had not arrived."""
        version = self.last[service] = VERSIONS[VERSIONS.index(self.last[service]) - 1]
        for _ in range(30):
            self.sent += 1
            if (await self.fleet.slash("mia", f"/deploy {service}@{version} to staging", service))["ok"]:
                self.acknowledged += 1
                return
        raise AssertionError(f"no replica takes a wish:\n{self.fleet.log}")

    async def two_at_once(self) -> tuple[str, Member]:
        """Have a deployment under way that waits for its gate, another one queued behind it; return who is at work."""
        service = self.random.choice(SERVICES)
        await self.fleet.until(self._all_ended, "what was asked before has ended", PATIENCE)
        self.fleet.shut_gate(service, "staging")
        await self.ask(service)
        first = await self.fleet.until(lambda: self._deploying(service), f"{service} is being deployed", PATIENCE)
        await self.ask(service)
        for other in SERVICES:
            if other != service:
                await self.ask(other)
        return service, await self.fleet.executor(str(first), PATIENCE)

    async def _deploying(self, service: str) -> str:
        rows = self.fleet.rows(
            "SELECT id FROM shipmate.deployments WHERE service = %s AND state = 'deploying' AND deploy_run <> ''",
            service,
        )
        return str(rows[0]["id"]) if rows else ""

    # ------------------------------------------------------------------------------------------------------------ evils

    async def kill(self) -> None:
        """Kill who is at work, and start it again when another has taken over."""
        service, victim = await self.two_at_once()
        deployment, began = await self._deploying(service), time.monotonic()
        await victim.kill()
        await self._taken_over("killed", deployment, victim, began)
        self.fleet.open_gate(service, "staging")
        await victim.start()
        await self.fleet.until(self.fleet.all_connected, "all are connected", PATIENCE)

    async def pause(self) -> None:
        """Stop who is at work for longer than its lease, and let it go on in the middle of what it was about to do."""
        service, victim = await self.two_at_once()
        deployment, began = await self._deploying(service), time.monotonic()
        victim.pause()
        await self._taken_over("stopped", deployment, victim, began)
        self.fleet.open_gate(service, "staging")
        await self.fleet.until(lambda: self._ended(deployment), f"{deployment} ends without it", PATIENCE)
        victim.go_on()
        await self._well(victim)
        assert "lease.lost" in victim.log

    async def cut_from_the_database(self, *, silently: bool) -> None:
        """Take the database away from who is at work: it says that it is not ready, and comes back by itself."""
        service, victim = await self.two_at_once()
        deployment, began = await self._deploying(service), time.monotonic()
        if silently:
            victim.database.swallow()
        else:
            victim.database.cut()
        await self.fleet.until(lambda: self._unready(victim), "it is not ready", PATIENCE)
        await self._taken_over("black-holed" if silently else "cut off", deployment, victim, began)
        self.fleet.open_gate(service, "staging")
        await self.fleet.until(lambda: self._ended(deployment), f"{deployment} ends without it", PATIENCE)
        victim.database.mend()
        await self._well(victim)

    async def cut_from_slack(self, *, silently: bool) -> None:
        """Take Slack away from who is at work: it goes on, and the others say what it has to say."""
        service, victim = await self.two_at_once()
        deployment = await self._deploying(service)
        if silently:
            victim.slack.swallow()
        else:
            victim.slack.cut()
        self.fleet.open_gate(service, "staging")
        await self.fleet.until(lambda: self._ended(deployment), f"{deployment} ends", PATIENCE)
        await self.fleet.see(f"{deployment} ", ": done", channel=service, seconds=PATIENCE)
        victim.slack.mend()
        await self._well(victim)
        await self.fleet.until(self.fleet.all_connected, "all are connected", PATIENCE)

    async def restart(self, server, *, at_once: bool) -> None:
        """Restart PostgreSQL under all of them, in order or as a power cut does."""
        service, _ = await self.two_at_once()
        await asyncio.to_thread(server.crash if at_once else server.end)
        self.fleet.open_gate(service, "staging")
        await asyncio.to_thread(server.restart)
        for one in self.fleet.members:
            await self._well(one)

    async def _taken_over(self, how: str, deployment: str, victim: Member, began: float) -> None:
        async def by_another() -> bool:
            rows = self.fleet.rows(
                "SELECT executor_id FROM shipmate_engine.workflow_status WHERE status = 'PENDING'"
                " AND workflow_uuid LIKE %s", f"{deployment}/execute%",
            )  # fmt: skip
            return bool(rows) and rows[0]["executor_id"] != victim.name()

        await self.fleet.until(by_another, f"another goes on with {deployment}", PATIENCE)
        self.takeovers.setdefault(how, []).append(round(time.monotonic() - began, 1))

    async def _all_ended(self) -> bool:
        return not self.fleet.rows(
            "SELECT delivery_id FROM shipmate.deliveries WHERE state = 'received'"
            " UNION ALL SELECT id FROM shipmate.deployments WHERE ended_at IS NULL"
        )

    async def _ended(self, deployment: str) -> bool:
        rows = self.fleet.rows("SELECT ended_at FROM shipmate.deployments WHERE id = %s", deployment)
        return rows[0]["ended_at"] is not None

    async def _unready(self, member: Member) -> bool:
        return await member.ready() == 503

    async def _well(self, member: Member) -> None:
        async def well() -> bool:
            return await member.ready() == 200

        await self.fleet.until(well, "it is ready again", PATIENCE)

    # ------------------------------------------------------------------------------------------------------ the verdict

    async def over(self, file: Path) -> list[str]:
        """Wait until all is done and said, write the record to a file, and return what is wrong with it."""
        await self.fleet.until(self._all_ended, "every wish has ended", PATIENCE)
        await self.fleet.quiet()
        events = await record(self.fleet, sent=self.sent, acknowledged=self.acknowledged)
        write(events, file)
        return faults(events)
