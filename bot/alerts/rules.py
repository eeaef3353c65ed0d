"""What an alert group is, whatever order its news comes in, and what people may do about it. Pure: no I/O, no clock.

An alert's episode is named by its fingerprint and the moment it began. News of it arrive late, twice and in any order:
an older episode never undoes a newer one, and an end is not undone by a late word of its beginning. Only asking the
source, which tells what is now, does that.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from bot.identity import Person


class State(StrEnum):
    """Where an alert group stands."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    UNKNOWN = "unknown"
    ATTACHED = "attached"
    """It is a part of another group: quiet, and covered by what is done there."""
    RESOLVED = "resolved"


class Episode(Struct, frozen=True, kw_only=True):
    """One alert as it was last heard of: firing since `starts_at`, or over since `ends_at`.

    `silenced_by` names the silences on it; `inhibited` means that another alert keeps it quiet. `seen_at` is when it
    was heard of, or, of what was asked for, when the asking began.
    """

    fingerprint: str
    starts_at: datetime
    seen_at: datetime
    firing: bool = True
    ends_at: datetime | None = None
    silenced_by: tuple[str, ...] = ()
    inhibited: bool = False

    @property
    def muted(self) -> bool:
        """Whether the source keeps it quiet."""
        return bool(self.silenced_by) or self.inhibited


Episodes = Mapping[str, Episode]
"""Episodes by fingerprint."""


class Hold(Struct, frozen=True, kw_only=True):
    """What people, silence of the source and maintenance make of a group.

    Who is on it, who called it over, whether its source is quiet, which group it is attached to ("" for none), and why
    and until when work is done on all of it.
    """

    acknowledged_by: Person | None = None
    closed_at: datetime | None = None
    closed_by: Person | None = None
    quiet: bool = False
    part_of: str = ""
    maintenance: str = ""
    maintenance_until: datetime | None = None


def merged(known: Episode | None, seen: Episode, *, asked: bool) -> Episode:
    """Return what is known of an alert after news of it.

    `asked` news come from asking the source and tell what is now; a notification may be late, and knows nothing of
    silences.
    """
    if known is None or seen.starts_at > known.starts_at:
        return seen
    if seen.starts_at < known.starts_at:
        return known
    if asked:
        same = replace(seen, seen_at=known.seen_at) == known
        return known if same or known.seen_at > seen.seen_at else seen
    if not known.firing:
        return known
    if not seen.firing:
        return seen
    return replace(known, seen_at=max(known.seen_at, seen.seen_at))


def missing(known: Episode, asked_at: datetime) -> Episode:
    """Return what is known of an alert that the source, asked at a moment, no longer names: it is over.

    What was heard of after the asking began stays as it is.
    """
    if not known.firing or known.seen_at >= asked_at:
        return known
    return replace(known, firing=False, ends_at=asked_at, seen_at=asked_at, silenced_by=(), inhibited=False)


def taken_in(
    known: Episodes, seen: Iterable[Episode], *, asked_at: datetime | None = None, knows_since: datetime | None = None
) -> Episodes:
    """Return the episodes of a group after news of it.

    `asked_at` is None for a notification. A source knows all that it was told of since `knows_since`, so of what was
    heard of since then, that which is not among `seen` is over.
    """
    news = {one.fingerprint: one for one in seen}
    result = {name: merged(known.get(name), one, asked=asked_at is not None) for name, one in news.items()}
    for name, one in known.items():
        if name not in news:
            certain = asked_at is not None and knows_since is not None and one.seen_at >= knows_since
            result[name] = missing(one, asked_at) if certain and asked_at is not None else one
    return result


def fires(episodes: Episodes) -> bool:
    """Tell whether any of them fires."""
    return any(one.firing for one in episodes.values())


def state_of(episodes: Episodes, hold: Hold) -> State:
    """Return where a group stands: over first, then unknown, attached, silenced, acknowledged, firing."""
    firing = [one for one in episodes.values() if one.firing]
    if not firing or hold.closed_at is not None:
        return State.RESOLVED
    if hold.quiet:
        return State.UNKNOWN
    if hold.part_of:
        return State.ATTACHED
    if hold.maintenance or all(one.muted for one in firing):
        return State.SILENCED
    return State.FIRING if hold.acknowledged_by is None else State.ACKNOWLEDGED


def is_new(before: Episodes, after: Episodes) -> bool:
    """Tell whether an episode fires that was not known to fire before: another alert, or one that began again."""
    return any(
        one.firing and (name not in before or before[name].starts_at != one.starts_at or not before[name].firing)
        for name, one in after.items()
    )


class Next(StrEnum):
    """What becomes of a group that was over, after news of it."""

    STAYS = "stays"
    REOPENS = "reopens"
    FOLLOWED = "followed"
    """It stays over, and what fires now is a new group."""


def after_the_end(
    before: Episodes, after: Episodes, hold: Hold, *, ended_at: datetime, now: datetime, within: timedelta
) -> Next:
    """Return what news make of a group that is over.

    What fires again soon is the same trouble; later it is another. What a person called over and still fires gets
    that long before it is shown to fire again.
    """
    if not fires(after):
        return Next.STAYS
    soon = now - ended_at < within
    if hold.closed_at is None:
        return Next.REOPENS if soon else Next.FOLLOWED
    if is_new(before, after):
        return Next.REOPENS if soon else Next.FOLLOWED
    return Next.STAYS if soon else Next.REOPENS


class Act(StrEnum):
    """What people do about a group."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    RESOLVE = "resolve"
    UNRESOLVE = "unresolve"
    SILENCE = "silence"


class No(Struct, frozen=True):
    """Why somebody may not do something now: a reason code, and words that follow the group's name."""

    code: str
    words: str


def refusal(act: Act, state: State, hold: Hold, person: Person) -> No | None:
    """Return why somebody may not do this now, None when they may."""
    if act is Act.UNRESOLVE:
        return _not_taken_back(state, hold)
    if state is State.RESOLVED:
        return No("alert_resolved", "is over already")
    if act in {Act.ACKNOWLEDGE, Act.UNACKNOWLEDGE} and hold.part_of:
        return No("attached", f"is a part of {hold.part_of}: act there")
    if act is Act.ACKNOWLEDGE and hold.acknowledged_by == person:
        return No("acknowledged_already", "is acknowledged by you already")
    if act is Act.UNACKNOWLEDGE and hold.acknowledged_by is None:
        return No("not_acknowledged", "is acknowledged by nobody")
    return None


def _not_taken_back(state: State, hold: Hold) -> No | None:
    if state is not State.RESOLVED:
        return No("alert_open", "is not over")
    return None if hold.closed_by is not None else No("not_called_over", "ended by itself: nothing of it fires")


def done(act: Act, hold: Hold, person: Person, now: datetime) -> Hold:
    """Return the group's hold after an act that was allowed."""
    match act:
        case Act.ACKNOWLEDGE:
            return replace(hold, acknowledged_by=person)
        case Act.UNACKNOWLEDGE:
            return replace(hold, acknowledged_by=None)
        case Act.RESOLVE:
            return replace(hold, closed_at=now, closed_by=person)
        case Act.UNRESOLVE:
            return replace(hold, closed_at=None, closed_by=None)
        case Act.SILENCE:
            return hold


def reopened(hold: Hold) -> Hold:
    """Return the hold of a group that fires again: nobody is on it."""
    return replace(hold, acknowledged_by=None, closed_at=None, closed_by=None)
