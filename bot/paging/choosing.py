"""Which chain a trouble goes to, what its steps are, and by which ways somebody is told: read from the settings."""

import re
from collections.abc import Sequence

from bot.identity import Person
from bot.paging.parts import Trouble
from bot.paging.rules import Do, Step, Told, ways
from bot.permissions import Permissions
from bot.settings import Settings
from bot.settings.paging import DEFAULT, IMPORTANT, NOBODY, Address, PagedPerson, PagingStep, Send, Way
from integrations.capabilities.matchers import all_match, read


def chain_of(settings: Settings, trouble: Trouble) -> str:
    """Return the name of the chain that a trouble goes to, "" for none.

    The first route that holds decides where it names a chain; else the service's for what is urgent; else the severity.
    """
    route = next(
        (one for one in settings.alerts.routes if all_match([read(text) for text in one.matchers], trouble.labels)),
        None,
    )
    severity = trouble.severity.lower()
    service = settings.services.get(trouble.service)
    urgent = severity in {one.lower() for one in settings.paging.urgent}
    by_severity = {name.lower(): chain for name, chain in settings.paging.severities.items()}
    chosen = (
        (route.escalate if route is not None else "")
        or (service.escalate if service is not None and urgent else "")
        or by_severity.get(severity, "")
    )
    return "" if chosen == NOBODY else chosen


def steps_of(chain: Sequence[PagingStep]) -> tuple[Step, ...]:
    """Return the steps of a chain as the rules read them."""
    return tuple(_step(one) for one in chain)


def _step(told: PagingStep) -> Step:
    if told.wait is not None:
        return Step(Do.WAIT, told.wait)
    if told.repeat is not None:
        return Step(Do.REPEAT, told.repeat.after, told.repeat.times)
    return Step(Do.TELL)


def paged(settings: Settings, permissions: Permissions, person: Person) -> PagedPerson:
    """Return how somebody is reached; of whom nothing is said it is Slack."""
    for name in permissions.names(person):
        if name in settings.paging.people:
            return settings.paging.people[name]
    return PagedPerson.model_construct(addresses={}, default=DEFAULT, important=IMPORTANT)


def ways_of(paged_person: PagedPerson, *, important: bool) -> tuple[Told, ...]:
    """Return by which ways somebody is told, and when."""
    rules = paged_person.important if important else paged_person.default
    return ways([Told(one.by.value, one.after) for one in rules], having(paged_person))


def having(paged_person: PagedPerson) -> tuple[str, ...]:
    """Return the ways that somebody can be told by, Slack first."""
    return (Way.SLACK.value, *(way.value for way in Way if way in paged_person.addresses))


def address_of(settings: Settings, permissions: Permissions, person: Person, way: str) -> Address | None:
    """Return somebody's address for a way, None where there is none (any more)."""
    return paged(settings, permissions, person).addresses.get(Way(way))


def sent_by(settings: Settings, chain: str, step: int) -> Send | None:
    """Return what a step of a chain tells outside, None where it does not (any more)."""
    steps = settings.paging.chains.get(chain, ())
    return steps[step].webhook if step < len(steps) else None


def same_address(one: str, other: str) -> bool:
    """Tell whether two spellings are one number or mailbox: signs within numbers and capitals do not count."""
    return bool(one) and _plain(one) == _plain(other)


def _plain(address: str) -> str:
    bare = re.sub(r"[\s().-]", "", address)
    return bare if re.fullmatch(r"\+?\d+", bare) else address.strip().lower()
