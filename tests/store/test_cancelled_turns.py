"""The turn to write goes on to the next one whoever is cancelled while waiting for it."""

import asyncio

from bot.store.turns import Turns


async def test_the_turn_passes_over_a_writer_that_was_cancelled_just_before() -> None:
    turns = Turns()
    wrote: list[str] = []

    async def write(name: str) -> None:
        async with turns.turn():
            wrote.append(name)

    async with turns.turn():
        cancelled, next_one = asyncio.create_task(write("cancelled")), asyncio.create_task(write("next"))
        while turns.waiting < 2:  # noqa: ASYNC110 - both come to wait within a few rounds of the loop
            await asyncio.sleep(0)
        cancelled.cancel()  # and the turn ends before the cancelled task has run

    async with asyncio.timeout(60):
        await next_one
        async with turns.turn():
            wrote.append("afterwards")
    assert wrote == ["next", "afterwards"]
    assert (await asyncio.gather(cancelled, return_exceptions=True))[0].__class__ is asyncio.CancelledError
