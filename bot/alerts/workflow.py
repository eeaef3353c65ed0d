"""Showing groups, and making, extending, ending silences. The only file of this package that meets the engine."""

from bot.alerts.attachments import LOOK, Attachments
from bot.alerts.attention import ATTEND, Keeping
from bot.alerts.intake import SHOW
from bot.alerts.poller import Poller
from bot.alerts.showing import STUDY, Outlook, Showing
from bot.alerts.silences import CREATE, END, EXTEND, WARN, Silences
from bot.alerts.studying import Studying
from bot.engine import step, transact, workflow

OF_SILENCES = frozenset((CREATE, EXTEND, END))

_showing: list[Showing] = []
_silences: list[Silences] = []
_poller: list[Poller] = []
_keeping: list[Keeping] = []
_attachments: list[Attachments] = []
_studying: list[Studying] = []


def bind(
    showing: Showing,
    silences: Silences,
    poller: Poller,
    *,
    keeping: Keeping,
    attachments: Attachments,
    studying: Studying,
) -> None:
    """Give the workflows what they work on; called by the composition root before the engine is launched."""
    _showing[:] = [showing]
    _silences[:] = [silences]
    _poller[:] = [poller]
    _keeping[:] = [keeping]
    _attachments[:] = [attachments]
    _studying[:] = [studying]


@workflow(SHOW)
async def show(group_id: str) -> None:
    """Show a group as it is now."""
    showing = _showing[-1]
    outlook: Outlook = await step("alert.look", showing.look, group_id)
    if outlook.channel is not None:
        await transact("alert.show", showing.show, group_id, outlook)


@workflow(STUDY)
async def study(group_id: str, version: int, state: str) -> None:
    """Look at a group's signal after its message left: what moved it, and its picture."""
    await step("alert.study", _studying[-1].study, group_id, version, state)


@workflow(CREATE)
async def create(silence_id: str) -> None:
    """Make a silence in its source, note what became of it, and look what is silent now."""
    silences = _silences[-1]
    made: tuple[str, str] = await step("alert.silence", silences.create, silence_id)
    instance: str = await transact("alert.silenced", silences.made, silence_id, *made)
    await step("alert.look_again", _poller[-1].ask, instance)


@workflow(EXTEND)
async def extend(silence_id: str, ends_at: str) -> None:
    """Give a silence another end."""
    silences = _silences[-1]
    made: tuple[str, str] = await step("alert.silence_extend", silences.extend, silence_id, ends_at)
    instance: str = await transact("alert.silence_extended", silences.extended, silence_id, ends_at, *made)
    await step("alert.look_again", _poller[-1].ask, instance)


@workflow(END)
async def end(silence_id: str) -> None:
    """End a silence, and look what fires now."""
    silences = _silences[-1]
    problem: str = await step("alert.silence_end", silences.end, silence_id)
    instance: str = await transact("alert.silence_ended", silences.ended, silence_id, problem)
    await step("alert.look_again", _poller[-1].ask, instance)


@workflow(WARN)
async def warn(silence_id: str) -> None:
    """Say that a silence ends soon while what it silences still fires."""
    await transact("alert.silence_warn", _silences[-1].warn, silence_id)


@workflow(ATTEND)
async def attend(group_id: str, number: int) -> None:
    """Ask whether somebody is still on it, or have nobody on it."""
    await transact("alert.attend", _keeping[-1].attend, group_id, number)


@workflow(LOOK)
async def look_again(group_id: str) -> None:
    """Have a group shown anew, because a part of it has changed."""
    await transact("alert.look_again", _attachments[-1].look_again, group_id)
