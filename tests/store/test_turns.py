"""One writer at a time, urgent ones first, nobody starves, no turn is lost."""

import asyncio

from hypothesis import given, settings, strategies as st

from bot.store import Store, next_id
from bot.store.turns import Turns


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_urgent_writers_overtake_those_that_wait() -> None:
    turns, order = Turns(), list[str]()

    async def go(name: str, *, urgent: bool) -> None:
        async with turns.turn(urgent=urgent):
            order.append(name)

    async with turns.turn():
        tasks = [asyncio.create_task(go(f"patient {number}", urgent=False)) for number in range(3)]
        await _settle()
        tasks.append(asyncio.create_task(go("urgent", urgent=True)))
        await _settle()
        assert turns.waiting == 4
    await asyncio.gather(*tasks)
    assert order == ["urgent", "patient 0", "patient 1", "patient 2"]


async def test_a_patient_writer_is_not_starved_by_a_stream_of_urgent_ones() -> None:
    turns, order = Turns(), list[str]()

    async def go(name: str, *, urgent: bool) -> None:
        async with turns.turn(urgent=urgent):
            order.append(name)

    async with turns.turn():
        tasks = [asyncio.create_task(go("patient", urgent=False))]
        tasks += [asyncio.create_task(go("urgent", urgent=True)) for _ in range(100)]
        await _settle()
    await asyncio.gather(*tasks)
    assert order.index("patient") == 16


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=30))
@settings(max_examples=60)
def test_whoever_is_cancelled_while_waiting_loses_no_turn(plan: list[tuple[bool, bool, int]]) -> None:
    async def play() -> None:
        turns, inside, done = Turns(), 0, 0

        async def go(urgent: bool) -> None:
            nonlocal inside, done
            async with turns.turn(urgent=urgent):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0)
                inside -= 1
                done += 1

        tasks = []
        for urgent, cancelled, steps in plan:
            tasks.append(asyncio.create_task(go(urgent)))
            for _ in range(steps):
                await asyncio.sleep(0)
            if cancelled and inside == 0:
                tasks[-1].cancel()
        async with asyncio.timeout(60):
            await asyncio.gather(*tasks, return_exceptions=True)
            async with turns.turn():
                assert turns.waiting == 0

    asyncio.run(play())


async def test_an_urgent_write_waits_for_one_transaction_at_most(sqlite_store: Store) -> None:
    """Fifty writers queue; the acknowledgement's row is the next one written."""
    order: list[str] = []

    async def write(name: str, *, urgent: bool) -> None:
        async with sqlite_store.write(urgent=urgent) as tx:
            await next_id(tx, "X")
            order.append(name)

    async with sqlite_store.writing():
        tasks = [asyncio.create_task(write("work", urgent=False)) for _ in range(50)]
        await _settle()
        tasks.append(asyncio.create_task(write("acknowledgement", urgent=True)))
        await _settle()
    await asyncio.gather(*tasks)
    assert order[0] == "acknowledgement"
    assert len(order) == 51
