"""From the configuration to the rules: the layers of a schedule, with people in the place of names."""

from collections.abc import Callable, Iterable
from datetime import datetime

from bot.identity import Person
from bot.oncall.rules import Hours, Layer
from bot.settings.oncall import WEEKDAYS, LayerSettings, ScheduleSettings

Resolve = Callable[[str], Person | None]


def layers_of(schedule: ScheduleSettings, resolve: Resolve) -> tuple[Layer, ...]:
    """Return the layers of a schedule. `resolve` tells who a name is; whom it does not know is kept as unknown."""
    return tuple(
        _layer(one, one.name or f"layer {number}", schedule.timezone, resolve)
        for number, one in enumerate(schedule.layers, 1)
    )


def people_of(names: Iterable[str], resolve: Resolve) -> tuple[tuple[Person, ...], tuple[str, ...]]:
    """Return the people of these names, and the names that nobody has."""
    found = {name: resolve(name) for name in names}
    known = tuple(dict.fromkeys(person for person in found.values() if person is not None))
    return known, tuple(name for name, person in found.items() if person is None)


def _layer(one: LayerSettings, name: str, zone: str, resolve: Resolve) -> Layer:
    turns = [people_of(turn, resolve) for turn in one.people]
    return Layer(
        name=name,
        people=tuple(people for people, _ in turns),
        unknown=tuple(unknown for _, unknown in turns),
        begins=datetime.combine(one.begins, one.handover),
        every=one.every,
        zone=zone,
        until=None if one.until is None else datetime.combine(one.until, one.handover),
        only=tuple(
            Hours(hours.begins, hours.ends, frozenset(WEEKDAYS.index(day) for day in hours.days)) for hours in one.only
        ),
    )
