"""Whether somebody who acknowledged is asked if they are still on it, or has not answered. Pure: no I/O, no clock."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from bot.alerts.rules import State
from bot.identity import Person


class Attention(Struct, frozen=True, kw_only=True):
    """Who said that they are on a group, when they last said so, and since when they are asked again.

    `number` counts what was looked at: each look is asked for under the next number, and only the last one counts.
    """

    group_id: str
    person: Person
    said_at: datetime
    asked_at: datetime | None = None
    number: int = 1


class Next(StrEnum):
    """What becomes of somebody's word that they are on it."""

    NOTHING = "nothing"
    """It counts no more: another is on it, nobody is, or it is over."""
    LATER = "later"
    """It is looked at again at a later moment."""
    AFRESH = "afresh"
    """It is quiet now, so nobody is asked: as if they had just said it."""
    ASK = "ask"
    FALL_BACK = "fall_back"


def next_of(
    attention: Attention,
    state: State,
    on_it: Person | None,
    now: datetime,
    *,
    remind_after: timedelta,
    fall_back_after: timedelta,
) -> tuple[Next, datetime]:
    """Return what is due now, and when to look again (for LATER, AFRESH and ASK).

    It depends on the moment alone, so a look that comes early or late changes nothing.
    """
    if on_it != attention.person or state is State.RESOLVED or not remind_after:
        return Next.NOTHING, now
    asked = attention.asked_at
    due = attention.said_at + remind_after if asked is None else asked + fall_back_after
    if now < due:
        return Next.LATER, due
    if state is not State.ACKNOWLEDGED:
        return Next.AFRESH, now + remind_after
    return (Next.ASK, now + fall_back_after) if asked is None else (Next.FALL_BACK, now)
