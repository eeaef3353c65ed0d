"""Whom a step of a chain reaches now: looked up before anything is written, once for all that is due."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from msgspec import Struct

from bot.errors import UserError
from bot.freezes.windows import Recurring
from bot.identity import Person
from bot.paging.parts import Domain, Parts
from bot.paging.records import Run
from bot.paging.rules import Reach
from bot.permissions import MembershipUnreadable
from bot.settings.paging import Notify, PagingStep
from integrations.errors import IntegrationError

log = structlog.get_logger()


class Found(Struct, frozen=True):
    """What a step would do: whom it reaches, and what is to be said of those that it does not."""

    reach: Reach
    people: tuple[Person, ...] = ()
    words: tuple[str, ...] = ()


class People:
    """Looks up steps; answers are kept for as long as it lives, which is one look at what is due."""

    def __init__(self, parts: Parts, domain: Domain, now: datetime) -> None:
        self._parts = parts
        self._domain = domain
        self._now = now
        self._named: dict[Notify, Found] = {}

    async def of(self, run: Run, step: PagingStep) -> Found:
        """Return what a step that tells somebody would do now."""
        if step.only_in is not None:
            hours = Recurring(step.only_in.every, step.only_in.length, step.only_in.timezone)
            if hours.at(self._now) is None:
                return Found(Reach.PASSED)
        if step.only_if is not None:
            count = await self._domain.began_since(run.subject, self._now - step.only_if.within)
            if count <= step.only_if.alerts:
                return Found(Reach.PASSED)
        if step.notify is None:
            return Found(Reach.SOMEBODY if step.webhook is not None else Reach.PASSED)
        if step.notify not in self._named:
            self._named[step.notify] = await self._look(step.notify)
        return self._named[step.notify]

    async def _look(self, notify: Notify) -> Found:
        return await self.present(*await self._asked(notify))

    async def present(self, people: Sequence[Person], why: str = "") -> Found:
        """Return what telling these people would do; `why` says why they are none."""
        words = [why] if why else []
        here = []
        for person in people:
            if await self._parts.gone(person):
                words.append(f"@{self._parts.permissions.name_of(person)} is deactivated: not paged")
            else:
                here.append(person)
        return Found(Reach.SOMEBODY if here else Reach.NOBODY, tuple(here), tuple(words))

    async def _asked(self, notify: Notify) -> tuple[tuple[Person, ...], str]:
        """Return who is meant, and why that is nobody."""
        permissions = self._parts.permissions
        if notify.person:
            person = permissions.person(notify.person)
            return ((person,), "") if person is not None else ((), f"{notify.person} has no Slack account here")
        if notify.group:
            try:
                members = await permissions.members(notify.group)
            except MembershipUnreadable as error:
                return (), error.words
            return tuple(sorted(members)), "" if members else f"nobody is in {notify.group}"
        try:
            on_call = await self._parts.on_call(notify.schedule)
        except (IntegrationError, UserError) as error:
            log.warning("paging.schedule_unreadable", schedule=notify.schedule, reason=str(error))
            return (), f"who is on call by {notify.schedule} cannot be read"
        return on_call, "" if on_call else f"nobody is on call by {notify.schedule}"
