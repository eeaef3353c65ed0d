"""Every trigger of a command meets the same decision, for every kind of people, and it is what the policy says.

Each command of the registry joins by itself. What is expected is told by `roles.expected`, from the policy in words and
not by the code under test. `make matrix` asks in every way for everybody; the suite asks in every way for those who
take another path through the code each, and for everybody else in one.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from bot.command import Effect
from tests.matrix import triggers
from tests.matrix.rig import Town
from tests.matrix.roles import MINE, ROLES, THEIRS, expected
from tests.matrix.triggers import FORGEABLE, WAYS
from tests.matrix.wishes import Wish, wish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]

WHOLE = os.environ.get("SHIPMATE_MATRIX") == "whole"
EVERY_WAY = frozenset({"requester", "guest", "outsider", "named deactivated"})
"""One of each path: may and may not by a grant, refused as a guest, as somebody of elsewhere, and as gone."""

Cell = tuple[str, str, Wish]


def cells(town: Town) -> Iterator[Cell]:
    """Yield who asks, in which way, and for what."""
    for service in (MINE, THEIRS):
        for command in town.road.registry.values():
            wanted = wish(command, service, town.names[service])
            for name, role in ROLES.items():
                if service == THEIRS and (role.everywhere or not role.may):
                    continue  # for them one service is like the other
                for way in triggers.ways(town, role, wanted):
                    if WHOLE or name in EVERY_WAY or way == ("button" if role.user else "token"):
                        yield name, way, wanted


def answer(name: str, way: str, wanted: Wish) -> str:
    """Return what is to be answered."""
    role, command = ROLES[name], wanted.command
    decision = expected(role, command.permission, wanted.about, reads=command.effect is Effect.READ)
    if way == "shortcut" and not role.refused:  # it opens the form and decides nothing; strangers get no form
        return "incomplete" if name.startswith("named") else "form"
    if decision == "" and command.decides and way in FORGEABLE:
        return "press_to_confirm"
    return decision


async def test_every_trigger_of_every_command_meets_the_same_decision(town: Town):
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    ways: set[str] = set()
    done = 0
    for name, way, wanted in cells(town):
        got = await WAYS[way](town, ROLES[name], wanted)
        meant = answer(name, way, wanted)
        done += got == ""
        if got != meant or len(town.road.reached) != done:
            reached = len(town.road.reached) - done
            wrong.append(
                f"{name}, by {way}: {wanted.line!r}: {got or 'done'}, not {meant or 'done'} (reached {reached})"
            )
            done = len(town.road.reached)
        seen[got] += 1
        ways.add(way)
    assert not wrong, f"{len(wrong)} of {seen.total()}:\n" + "\n".join(wrong[:40])
    assert ways == set(WAYS)
    answers = {"", "not_allowed", "press_to_confirm", "form", "token_scope", "guest", "outsider", "deactivated"}
    assert set(seen) == answers | ({"incomplete"} if WHOLE else set())
    assert min(seen.values()) >= 10, seen
    assert seen.total() > 4000, seen
    assert (await town.app.audit.verify()).ok


async def test_what_was_refused_and_what_was_done_stands_in_the_audit_log(town: Town):
    before = await town.app.audit.recent(limit=1)
    named = wish(town.road.registry["deploy"], THEIRS, town.names[THEIRS])
    assert await triggers.button(town, ROLES["requester"], named) == "not_allowed"
    named = wish(town.road.registry["deploy"], MINE, town.names[MINE])
    assert await triggers.token(town, ROLES["requester"], named) == ""
    entries = await town.app.audit.recent(limit=2)
    assert [(one.action, one.outcome) for one in reversed(entries)] == [("deploy", "refused"), ("deploy", "allowed")]
    assert not before or entries[-1].number == before[0].number + 1


@pytest.mark.parametrize("role", ["deactivated", "named deactivated"])
async def test_nothing_opens_for_a_deactivated_account_that_nobody_told_of(town: Town, role: str):
    person = town.app.permissions.person(ROLES[role].user)
    assert person is not None
    assert not town.app.leavers.gone(person)  # Slack's event did not come: only its directory knows
    asked = wish(town.road.registry["help"], MINE, town.names[MINE])
    for way in triggers.ways(town, ROLES[role], asked):
        assert await WAYS[way](town, ROLES[role], asked) == "deactivated", way
