"""The rig of alerts with paging in it: no loop runs, a test looks when it wants, on a clock that it moves."""

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from bot.alerts import records as alert_records
from bot.alerts.parts import Parts as AlertParts
from bot.alerts.waking import Waking
from bot.command import Invocation, Trigger
from bot.errors import UserError
from bot.identity import Person
from bot.paging import records
from bot.paging.paging import Paging
from bot.paging.parts import Parts
from bot.paging.records import PageRow, PageState, Run, pages
from bot.settings import load
from bot.slack.records import State as Sent, outbox
from bot.store import Store
from integrations.alertmanager import wire
from integrations.capabilities.alerts import Alert
from integrations.capabilities.paging import PageAnswer, Pager, Receipt
from integrations.contract import Integration, WebhookEvent
from integrations.registry import declared
from tests.alerts import rig as alerts
from tests.alerts.rig import SETTINGS, read
from tests.deployments.rig import ANA, CONFIG, MIA, RAJ, TOM, Clock
from tests.fakes.pagers import FakePager

__all__ = ["ANA", "MIA", "RAJ", "TOM", "Rig", "read", "up"]


class NoSettings(BaseModel):
    """The fake pager has none."""


FAKE = Integration(name="fake", title="Fake", settings=NoSettings, provides=(Pager,), connect="nowhere:none")
PAGING: dict[str, Any] = {
    "chains": {
        "primary": [
            {"notify": {"person": "mia"}},
            {"wait": "5m"},
            {"notify": {"schedule": "second", "important": True}},
            {"wait": "10m"},
            {"notify": {"group": "owners"}},
        ]
    },
    "people": {
        "mia": {
            "addresses": {
                "push": {"with": "phones", "to": "mia-topic"},
                "call": {"with": "phones", "to": "+49 151 1234"},
            },
            "default": ["slack", {"by": "push", "after": "3m"}],
        },
        "tom": {
            "addresses": {"push": {"with": "phones", "to": "tom-topic"}, "sms": {"with": "phones", "to": "+49152"}},
            "important": ["push", {"by": "sms", "after": "2m"}],
        },
        "zoe": {"addresses": {"push": {"with": "phones", "to": "zoe-topic"}}, "default": ["push"]},
    },
    "severities": {"critical": "primary"},
}
SCHEDULES = {
    "schedules": {
        "second": {
            "timezone": "UTC",
            "layers": [{"people": ["tom"], "from": "2026-01-05"}],
        }
    }
}


class Rig(alerts.Rig):
    """Everything one test needs; `up()` makes it."""

    paging: Paging

    def __init__(self, folder: Path, store: Store, clock: Clock, paging: dict[str, Any], name: str) -> None:
        config = {**CONFIG, "alerts": SETTINGS}
        self.owner = name
        self.away: set[Person] = set()
        self.second: tuple[Person, ...] = (TOM,)
        self.submitted: list[Invocation] = []
        self.submit: Callable[[Invocation], Awaitable[bool]] | None = None
        self.phones = FakePager("phones")
        super().__init__(folder, store, clock, config)
        self.toolbox.add(self.phones)
        self.configure(paging)
        self._numbers = itertools.count(1)

    def configure(self, paging: dict[str, Any], **more: Any) -> None:
        """Put other settings of paging in force."""
        config = {**CONFIG, "alerts": SETTINGS, "paging": paging, "oncall": SCHEDULES, **more}
        config["integrations"] = {**CONFIG["integrations"], "phones": {"type": "fake"}}
        path = self.folder / "shipmate.yaml"
        path.write_text(yaml.safe_dump(config))
        self.settings = load(path, {}, integrations={**declared(), "fake": FAKE})

    def process(self, owner: str) -> Paging:
        """Return paging as another process has it, on the same store."""
        return Paging(
            Parts(
                store=self.store,
                clock=self.clock,
                outbox=self.outbox,
                permissions=self.permissions,
                toolbox=self.toolbox,
                settings=lambda: self.settings,
                catalog=lambda: self.catalog,
                on_call=self._on_call,
                gone=self._gone,
                link_of=self._link,
                submit=self._submit,
                owner=owner,
            )
        )

    async def restart(self, owner: str) -> None:
        """Have another process go on where the last one ended."""
        await self.paging.stop()
        self.paging = self.process(owner)
        self.paging.serve(Waking(self.alerts._parts, self.alerts.intake))
        async with self.store.write() as tx:
            await records.take_over(tx, owner, self.clock.now())

    def alert_parts(self) -> AlertParts:
        self.paging = self.process(self.owner)
        fields = AlertParts.__struct_fields__
        return AlertParts(
            **{name: getattr(super(Rig, self).alert_parts(), name) for name in fields if name != "paging"},
            paging=self.paging,
        )

    async def _on_call(self, schedule: str) -> tuple[Person, ...]:
        return self.second

    async def _gone(self, person: Person) -> bool:
        return person in self.away

    async def _link(self, subject: str) -> str:
        return f"https://slack.example/{subject}"

    async def _submit(self, invocation: Invocation) -> bool:
        """Run a command as dispatch would after it allowed it."""
        self.submitted.append(invocation)
        assert invocation.trigger is Trigger.PAGE
        if self.submit is not None:
            return await self.submit(invocation)
        with contextlib.suppress(UserError):  # a refusal is an answer, too
            await self.run(invocation.person, command=invocation.command, **dict(invocation.args))
        return True

    # ------------------------------------------------------------------------------------------------------ what comes

    async def fires(self, *found: Alert) -> None:
        """Have the source tell of alerts, by the front door's own parts."""
        body = json.dumps(self.body(*found)).encode()
        for event in wire.parse("am", {}, body):
            async with self.store.write() as tx:
                await self.alerts.intake.notified(tx, event)

    async def answer(self, answer: PageAnswer) -> None:
        """Have a tool tell of an answer."""
        event = WebhookEvent(
            instance="phones", kind="page.answer", id=f"e{next(self._numbers)}", data={"answer": answer}
        )
        async with self.store.write() as tx:
            await self.paging.answers.answered(tx, event)

    async def told(self, receipt: Receipt) -> None:
        """Have a tool tell how far a page has come."""
        event = WebhookEvent(
            instance="phones",
            kind="page.delivery",
            id=f"e{next(self._numbers)}",
            ref=receipt.ref,
            data={"receipt": receipt},
        )
        async with self.store.write() as tx:
            await self.paging.answers.delivered(tx, event)

    async def look(self, **later: float) -> None:
        """Move the clock on, and do what is due until nothing is."""
        self.clock.ahead += timedelta(**later)
        for _ in range(20):
            await self.paging.look()
            await self.paging.sending.idle()
            async with self.store.read() as conn:
                at = await records.next_due(conn)
            if at is None or at > self.clock.now():
                return
        raise AssertionError("it is never done")

    async def slack_takes_all(self) -> None:
        """Have Slack take all that waits to be said."""
        async with self.store.write() as tx:
            await tx.conn.execute(outbox.update().values(state=Sent.SENT, sent=outbox.c.wanted))

    # ------------------------------------------------------------------------------------------------- what comes of it

    async def page_rows(self, *states: PageState) -> Sequence[PageRow]:
        async with self.store.read() as conn:
            found = await records.pages_where(conn, pages.c.id != "")
        return [one for one in found if not states or one.state in states]

    async def latest(self, subject: str = "A-1") -> Run:
        async with self.store.read() as conn:
            run = records.last_by_chain(await records.all_of(conn, subject))
        assert run is not None, f"nobody was ever paged for {subject}"
        return run

    async def ways(self, *states: PageState) -> list[str]:
        """Return "name by way" of each page, in the order in which they were wanted."""
        found = await self.page_rows(*states)
        return [f"{self.permissions.name_of(one.person) if one.person else one.pager} by {one.way}" for one in found]

    async def pages_in_slack(self) -> list[str]:
        """Return what was said in direct messages."""
        return [read(message) for _, message in await self.said("direct")]

    async def group_row(self, ident: str = "A-1") -> alert_records.Group:
        async with self.store.read() as conn:
            found = await alert_records.find(conn, ident)
        assert found is not None
        return found


@contextlib.asynccontextmanager
async def up(
    folder: Path, *, url: str = "", paging: dict[str, Any] | None = None, name: str = "one", clock: Clock | None = None
) -> AsyncIterator[Rig]:
    """Make a rig; nothing of it runs by itself."""
    clock = clock or Clock()
    store = await Store.open(url or f"sqlite:///{folder}/store.db", clock=clock)
    rig = Rig(folder, store, clock, PAGING if paging is None else paging, name)
    try:
        yield rig
    finally:
        await rig.paging.stop()
        await rig.deployments.close()
        await store.close()
