"""`/audit`: what is found, page by page, by whom it may be asked, and that asking leaves an entry."""

from datetime import timedelta
from typing import Any

import pytest

from bot.audit import SHIPMATE, Audit, Entry
from bot.catalog import Catalog
from bot.command import Invocation, Resource, Trigger, World
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.registry import Registry
from bot.reply import Button, Buttons, Paragraph, Reply
from bot.settings import Settings
from bot.store import Store, Tx
from commands import erase
from commands.audit import audit as command
from tests.dispatch.conftest import SETTINGS

from .conftest import HandClock, write

MIA, TOM, ANA = (Person("T1", user) for user in ("U1MIA", "U1TOM", "U1ANA"))


class Desk:
    """The road with one command on it."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        grants = [
            {"allow": ["audit.*"], "to": ["release-managers"]},
            {"allow": ["audit.erase"], "to": ["ana"]},
            {"allow": ["audit.read"], "to": ["developers"], "services": ["search"]},
        ]
        people = {**SETTINGS["people"], "ana": {"slack": "U1ANA"}}
        settings = Settings.model_validate({**SETTINGS, "people": people, "permissions": grants})
        self.store, self.clock, self.asked = store, clock, 0
        self.audit = Audit(store, clock)
        permissions = Permissions(settings, clock)
        permissions.set_home("T1")
        self.dispatcher = Dispatcher(
            registry=Registry((command, erase.erase, erase.confirm)),
            permissions=permissions,
            audit=self.audit,
            deliveries=Deliveries(store, clock, "p1"),
            store=store,
            world=World(store, self.audit, permissions, Catalog(settings)),
            clock=clock,
            replier=_unheard,
        )

    async def ask(self, text: str, person: Person = TOM, **values: Any) -> Reply:
        self.asked += 1
        given: dict[str, Any] = {"trigger": Trigger.SLASH, "text": text, "channel": Channel("T1", "C1"), **values}
        invocation = Invocation(delivery_id=f"d{self.asked}", person=person, at=self.clock.now(), **given)
        return await self.dispatcher.answer(invocation, self.dispatcher.parse(invocation))

    async def press(self, button: Button) -> Reply:
        return await self.ask("", trigger=Trigger.BUTTON, command=button.command, args=button.args)


async def _unheard(_tx: Tx, _invocation: Invocation, _reply: Reply) -> None:
    raise AssertionError("an answer is given, not sent")


@pytest.fixture
def desk(file_store: Store, clock: HandClock) -> Desk:
    return Desk(file_store, clock)


def lines(reply: Reply) -> list[str]:
    return [line for part in reply.parts if isinstance(part, Paragraph) for line in part.text.split("\n")]


def button(reply: Reply) -> Button | None:
    return next((one for part in reply.parts if isinstance(part, Buttons) for one in part.buttons), None)


async def test_entries_are_found_by_whom_what_and_when(store: Store, clock: HandClock) -> None:
    desk = Desk(store, clock)
    await write(store, desk.audit, 1, actor=MIA, subject="D-1")
    clock.pass_by(days=10)
    await write(store, desk.audit, 1, actor=ANA, subject="D-2", action="deployment.approved")
    await write(store, desk.audit, 1, actor=SHIPMATE, subject="D-3", resource=Resource("search", "production"))
    await write(store, desk.audit, 1, actor=Person("T2", "U1ANA"), subject="D-4")
    for words, expected in {
        "--by @mia": ["D-1"],
        "--by <@U1ANA|ana>": ["D-2"],
        "--by shipmate": ["D-3"],
        "--on D-2": ["D-2"],
        "--on d-3": ["D-3"],
        "--on search": ["D-3"],
        "--action deployment.*": ["D-2"],
        "--action deployment": [],
        "--since 7d --action deploy": ["D-4", "D-3"],
        "--by @mia --since 7d": [],
    }.items():
        reply = await desk.ask(f"audit {words}")
        told = [line for line in lines(reply) if "U1TOM" not in line and " · D-" in line]
        assert [line.split(" · D-")[1][0] for line in told] == [one.removeprefix("D-") for one in expected], words
        assert not reply.share


async def test_pages_lead_to_the_oldest_entry(desk: Desk, file_store: Store) -> None:
    await write(file_store, desk.audit, 32)
    reply, seen = await desk.ask("audit --action deploy --since 1h"), 0
    pages = 1
    while True:
        seen += len(lines(reply))
        older = button(reply)
        if older is None:
            break
        assert older.args["action"] == "deploy"
        reply, pages = await desk.press(older), pages + 1
    assert (seen, pages) == (32, 3)


async def test_looking_is_recorded(desk: Desk) -> None:
    await desk.ask("audit --by @mia")
    newest: Entry = (await desk.audit.recent())[-1]
    assert (newest.actor, newest.action, newest.outcome) == (TOM, "audit", "allowed")
    assert newest.data["asked"] == "audit --by=@mia"


async def test_a_right_on_one_service_shows_that_service_alone(desk: Desk, file_store: Store) -> None:
    await write(file_store, desk.audit, 1, subject="D-1")
    await write(file_store, desk.audit, 1, subject="D-2", resource=Resource("search"))
    told = "\n".join(lines(await desk.ask("audit --on search", MIA)))
    assert "D-2" in told
    assert "D-1" not in told
    for words in ("", "--on checkout", "--on D-2"):
        assert (await desk.ask(f"audit {words}", MIA)).code == "not_allowed"


@pytest.mark.parametrize(
    ("words", "code"),
    [("--by @nobody", "unknown_person"), ("--on nothing", "unknown_service")],
)
async def test_what_cannot_be_looked_for_is_said(desk: Desk, words: str, code: str) -> None:
    assert (await desk.ask(f"audit {words}")).code == code


async def test_nothing_found_is_said(desk: Desk) -> None:
    assert "no entry like this" in (await desk.ask("audit --on D-99")).summary


async def test_since_is_counted_from_now(desk: Desk, file_store: Store, clock: HandClock) -> None:
    await write(file_store, desk.audit, 1)
    clock.moment += timedelta(hours=2)
    assert "no entry like this" in (await desk.ask("audit --since 1h --action deploy")).summary
