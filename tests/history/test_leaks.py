"""Commands, alerts and messages leave nothing behind in memory once they are done with."""

import asyncio

import pytest

from bot.slack import acks
from tests.history.left import counted, grown
from tests.history.whole import Whole

pytestmark = [pytest.mark.slow]

COMMANDS = (
    "/where", "/where svc1", "/deploys", "/shipmate help", "/where 77.7.7", "/deploys nothing", "/shipmate audit",
    "/shipmate alerts", "/shipmate access list", "/shipmate nonsense",
)  # fmt: skip
ROUNDS = 30
NEWS = 30
A_LEAK = 20
"""So many more objects of a type are a leak: each command is typed thirty times, and thirty notifications come."""


class Held:
    """Something of ours that is held on to. It stands for a leak."""

    __module__ = "bot.held"

    def __init__(self) -> None:
        self.itself = self


def test_what_is_held_on_to_is_seen():
    async def main():
        before = counted()
        held = [Held() for _ in range(A_LEAK)]
        return grown(before, counted(), by=A_LEAK), len(held)

    found, _ = asyncio.run(main())
    assert found == {"bot.held.Held": (0, A_LEAK)}


async def test_after_300_commands_and_some_alerts_nothing_is_left_over(tmp_path, monkeypatch):
    monkeypatch.setattr(acks, "_KEPT", 8)  # replies that are given again: bounded, but by more than are given here

    async def busy(whole, rounds, news):
        for _ in range(rounds):
            for words in COMMANDS:
                await whole.slash("mia", words)
        for number in range(news):  # of one group: a message and its edits, which wait for their turn in the channel
            await whole.alert("svc1", 1, firing=number % 2 == 0)
        await whole.home("mia")
        await whole.settled()

    async with Whole.up(tmp_path) as whole:
        await busy(whole, 3, 4)  # what is made once and kept is there from here on
        before = counted()
        await busy(whole, ROUNDS, NEWS)

        async def nothing():
            return not grown(before, counted(), by=A_LEAK)

        try:
            await whole.until(nothing, "nothing is left over")
        except AssertionError:
            raise AssertionError(f"left over: {grown(before, counted(), by=A_LEAK)}") from None
