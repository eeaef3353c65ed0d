"""One look at a place, and the deployment it leads to. The only file here that meets the durability engine."""

from bot.catalog import Place
from bot.continuous.candidates import Ready
from bot.continuous.continuous import LOOK, Answer, Continuous
from bot.continuous.pauses import RESUME
from bot.engine import Parked, step, transact, workflow

_bound: list[Continuous] = []


def bind(continuous: Continuous) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [continuous]


@workflow(LOOK)
async def look(service: str, environment: str, target: str, number: int) -> None:
    """Find what would go to a place, decide, ask for it, and end what is older and waits."""
    on, place = _bound[-1], Place(service, environment, target)
    try:
        ready: Ready | None = await step("continuous.find", on.find, place, number)
        if ready is None or not await transact("continuous.decide", on.decided, place, number, ready):
            return
        answer: Answer = await step("continuous.begin", on.begin, place, number, ready)
    except Parked as parked:
        await transact("continuous.again", on.again, place, number, parked.why)
        return
    await transact("continuous.begun", on.begun, place, number, ready, answer)


@workflow(RESUME)
async def resume(service: str, environment: str) -> None:
    """Go on where a pause is over."""
    await transact("continuous.resume", _bound[-1].pauses.expire, service, environment)
