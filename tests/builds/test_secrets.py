"""Secret parameters: sealed from the moment they arrive until the tool has them, then erased; shown nowhere."""

import json
import logging
import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from msgspec.structs import replace
from pydantic import SecretStr

from bot.builds.rules import State
from bot.command import Invocation, Trigger
from bot.deliveries import Deliveries, deliveries
from bot.dispatch import Dispatcher
from bot.reply import Reply
from bot.slack.records import outbox as outbox_rows
from bot.store import Tx
from bot.vault import Vault, for_moments
from integrations.capabilities.builds import BuildJob
from integrations.errors import OutcomeUnknown
from tests.builds.rig import PARAMETERS, Rig
from tests.deployments.rig import CHECKOUT, MIA

SECRET = f"hunter2-{os.urandom(9).hex()}"
ASKED = f"build run checkout main --param TOKEN={SECRET} --param NOTE=hello"


def on_disk(folder: Path, words: str = SECRET) -> list[str]:
    """Return the files of a folder, databases and their logs of writes, that hold the secret, or other words."""
    return [path.name for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


async def parked(rig: Rig) -> str:
    """Start a build whose start gets no answer, so that it stands still with its secret."""
    start = rig.builds.start_build

    async def lost(request):
        raise OutcomeUnknown("builds", "the answer was lost", request_id=request.request_id)

    rig.builds.start_build = lost  # type: ignore[method-assign]
    build_id = (await rig.run(MIA, ASKED)).subject

    async def still():
        return (await rig.build(build_id)).parked_at

    async def why():
        return str(await rig.build(build_id))

    await rig.until(still, why)
    rig.builds.start_build = start  # type: ignore[method-assign]
    return build_id


async def test_it_is_sealed_while_it_waits_and_erased_when_the_tool_has_it(rig: Rig, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    build_id = await parked(rig)
    held = (await rig.build(build_id)).held
    assert list(held) == ["sealed"]
    assert SECRET not in str(held)
    assert on_disk(tmp_path, '"NOTE":"hello"')  # what is no secret is there: it is looked for in the right place
    assert on_disk(tmp_path) == []
    await rig.run(MIA, f"build retry {build_id}")
    build = await rig.comes_to(build_id, State.QUEUED, State.RUNNING)
    assert rig.built[0].parameters == {"TOKEN": SECRET, "NOTE": "hello"}
    assert (build.held, build.parameters) == ({}, {"NOTE": "hello", "TOKEN": "•••"})
    assert on_disk(tmp_path) == []
    assert SECRET not in caplog.text


async def test_without_keys_a_restart_loses_it_and_that_is_said(rig: Rig):
    build_id = await parked(rig)
    rig.followed._parts.vault._keys = for_moments()._keys  # as after a restart
    rig.followed._parts.vault._made = None
    await rig.run(MIA, f"build retry {build_id}")
    build = await rig.comes_to(build_id, State.REFUSED)
    assert (build.code, build.held, rig.built) == ("secret_gone", {}, [])
    assert "encryption_keys" in build.words


async def test_a_build_that_the_tool_has_is_found_though_its_secret_cannot_be_read(rig: Rig):
    start = rig.builds.start_build

    async def lost(request):
        await start(request)
        raise OutcomeUnknown("builds", "the answer was lost", request_id=request.request_id)

    find = rig.builds.find_run

    async def blind(*_):
        return None

    rig.builds.start_build, rig.builds.find_run = lost, blind  # type: ignore[method-assign]
    build_id = (await rig.run(MIA, ASKED)).subject

    async def still():
        return (await rig.build(build_id)).parked_at

    async def why():
        return str(await rig.build(build_id))

    await rig.until(still, why)
    rig.builds.start_build, rig.builds.find_run = start, find  # type: ignore[method-assign]
    rig.followed._parts.vault._keys = for_moments()._keys
    rig.followed._parts.vault._made = None
    await rig.run(MIA, f"build retry {build_id}")
    await rig.comes_to(build_id, State.QUEUED, State.RUNNING)
    assert len(rig.built) == 1


async def test_no_button_carries_it(rig: Rig, tmp_path):
    needed = tuple(replace(one, required=True) if one.name == "NOTE" else one for one in PARAMETERS)
    rig.builds.jobs["checkout"] = BuildJob(name="checkout", parameters=needed)
    for given in (f"--param TOKEN={SECRET} --param STAGE=qa", f"--param TOKNE={SECRET} --param stage=qa"):
        error = await rig.refused(MIA, f"build run checkout main {given}")
        (fill,) = error.moves
        assert json.loads(fill.args["param"]) in ({"STAGE": "qa"}, {"stage": "qa"})
    assert on_disk(tmp_path) == []


def office(rig: Rig, vault: Vault) -> Dispatcher:
    """Return the road of every wish over the rig, as one process has it; answers go to the outbox."""

    async def keep(tx: Tx, invocation: Invocation, reply: Reply) -> None:
        await rig.outbox.whisper(tx, f"answer/{invocation.delivery_id}", invocation, reply)

    return Dispatcher(
        registry=rig.registry,
        permissions=rig.permissions,
        audit=rig.audit,
        deliveries=Deliveries(rig.store, rig.clock, "one", vault),
        store=rig.store,
        world=rig.world,
        clock=rig.clock,
        replier=keep,
    )


def asks(rig: Rig, trigger: Trigger = Trigger.SLASH, **fields) -> Invocation:
    about = {"text": ASKED, **fields}
    return Invocation(
        delivery_id="wish", trigger=trigger, person=MIA, at=rig.clock.now(), channel=CHECKOUT, response_url="", **about
    )


async def stored(rig: Rig) -> dict[str, object]:
    async with rig.store.read() as conn:
        found: dict[str, object] = (await conn.execute(sa.select(deliveries.c.invocation))).scalar_one()
        return found


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {
            "text": "",
            "command": "build run",
            "args": {"service": "checkout", "ref": "main", "param": f'{{"TOKEN": "{SECRET}"}}'},
        },
    ],
)
async def test_the_wish_itself_is_stored_sealed_and_run_with_its_words(rig: Rig, tmp_path, fields):
    keys = [SecretStr(Fernet.generate_key().decode())]
    assert await office(rig, Vault(keys)).accept(asks(rig, **fields))
    assert {"sealed", "delivery_id"} <= set(await stored(rig))
    assert on_disk(tmp_path) == []
    after = office(rig, Vault(keys))  # another process with the same keys
    (delivery,) = await Deliveries(rig.store, rig.clock, "two").claim()
    assert delivery.invocation is not None
    outcome = await after.run(delivery.invocation)
    async with rig.store.write() as tx:
        assert await after.finish(tx, outcome) == "ok"
    await rig.comes_to("B-1", State.QUEUED, State.RUNNING)
    assert rig.built[0].parameters["TOKEN"] == SECRET
    assert not {"sealed", "text", "args"} & set(await stored(rig))
    assert on_disk(tmp_path) == []


async def test_a_wish_that_nobody_can_read_after_a_restart_is_refused_in_words(rig: Rig):
    before, after = office(rig, for_moments()), office(rig, for_moments())
    await before.accept(asks(rig))
    (delivery,) = await Deliveries(rig.store, rig.clock, "two").claim()
    assert delivery.invocation is not None
    outcome = await after.run(delivery.invocation)
    assert outcome.reply.code == "words_lost"
    assert rig.built == []


async def test_a_mention_is_answered_with_a_button_that_asks_for_it_again(rig: Rig, tmp_path):
    road = office(rig, for_moments())
    wish = asks(rig, Trigger.MENTION)
    await road.accept(wish)
    outcome = await road.run(wish)
    async with rig.store.write() as tx:
        await road.finish(tx, outcome)
    assert outcome.reply.code == "press_to_confirm"
    async with rig.store.read() as conn:
        assert (await conn.execute(sa.select(outbox_rows.c.payload))).all()
    assert on_disk(tmp_path) == []


async def test_words_without_pairs_are_stored_as_they_are(rig: Rig):
    await office(rig, for_moments()).accept(asks(rig, text="build run checkout main"))
    assert (await stored(rig))["text"] == "build run checkout main"
