"""Freezes that follow trouble: what is wrong with a service keeps deployments off it. Pure: no I/O, no clock."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bot.freezes.budgets import Spent
from bot.freezes.rules import ALL, Freeze
from bot.settings.freezes import During
from integrations.capabilities.matchers import all_match, read


class Trouble(Struct, frozen=True, kw_only=True):
    """Something that is wrong and not over: an alert group.

    `name` is its id ("A-7"), `service` and `environment` its place in the catalog, an empty environment all of them.
    """

    name: str
    title: str
    service: str
    environment: str
    labels: Mapping[str, str]
    since: datetime


def caught(during: During, troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    """Return the troubles that a freeze follows: of a service of the catalog, with the labels that it names."""
    matchers = [read(one) for one in during.alerts]
    return tuple(one for one in troubles if one.service and all_match(matchers, one.labels))


def frozen_by(freeze: Freeze, trouble: Trouble, *, production_like: bool) -> Freeze | None:
    """Return the freeze of what a trouble is about, None where the freeze does not cover that.

    A trouble freezes its own service alone, and its own environment where it names one.
    """
    if not {ALL, trouble.service} & set(freeze.services):
        return None
    environments, like = freeze.environments, freeze.production_like
    if trouble.environment:
        if not ({ALL, trouble.environment} & set(environments) or (like and production_like)):
            return None
        environments, like = (trouble.environment,), False
    return replace(
        freeze,
        reason=f"{freeze.reason} ({trouble.name} {trouble.title})",
        calendar=Spent(trouble.since),
        services=(trouble.service,),
        environments=environments,
        production_like=like,
        opens_when=f"until {trouble.name} is over",
        note="",
    )
