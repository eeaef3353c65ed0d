"""The ends of freezes: only here freezes meet the durability engine."""

from bot.engine import step, workflow
from bot.freezes.declarations import EXPIRE, NAG
from bot.freezes.freezes import OPENS, Freezes
from bot.locks.rules import Scope

_bound: list[Freezes] = []


def bind(freezes: Freezes) -> None:
    """Give the workflows what they work on; called by the composition root before the engine is launched."""
    _bound[:] = [freezes]


@workflow(EXPIRE)
async def expire(freeze_id: str) -> None:
    """End a freeze that a person declared and whose time is over."""
    await step("freeze.expire", _bound[-1].declarations.expire, freeze_id)


@workflow(NAG)
async def nag(freeze_id: str) -> None:
    """Ask who declared a freeze whether it is still needed."""
    await step("freeze.nag", _bound[-1].declarations.nag, freeze_id)


@workflow(OPENS)
async def opens(service: str, environment: str, target: str) -> None:
    """Let those go on that waited for a place to open."""
    await step("freeze.opens", _bound[-1].opened, Scope(service, environment, target))
