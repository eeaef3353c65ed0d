"""`Pauses`: people stop continuous deployment of a service or environment, and let it go on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from pydantic import JsonValue

from bot.audit import SHIPMATE
from bot.catalog import Place
from bot.command import Call, Resource
from bot.continuous import messages, records
from bot.continuous.parts import Parts
from bot.continuous.records import Pause
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.reply import Reply
from bot.store import Tx
from bot.store.starts import want

RESUME = "continuous.resume.v1"
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=366)

WantLook = Callable[[Tx, Place, Mapping[str, JsonValue]], Awaitable[None]]


class Pauses:
    """What people stop. What waits or runs already goes on: it can be cancelled. `look` has a place looked at."""

    def __init__(self, parts: Parts, look: WantLook) -> None:
        self._parts = parts
        self._look = look

    async def pause(
        self, call: Call, service: str, environment: str, *, reason: str, duration: timedelta | None
    ) -> Reply:
        """Pause a service, or one environment of it; again, it gets another reason and end.

        Raises:
            BadInput: a word is not in the catalog, or the time is out of bounds.
            Refused: nothing is deployed there by itself (`not_continuous`).
        """
        service, environment = self._words(service, environment)
        if duration is not None and not SHORTEST <= duration <= LONGEST:
            raise BadInput("bad_duration", "A pause lasts between 1 minute and 366 days: --for 2h, for example.")
        now = self._parts.clock.now()
        made = Pause(
            service=service,
            environment=environment,
            person=call.person,
            reason=reason,
            at=now,
            until=None if duration is None else now + duration,
        )
        async with self._parts.store.write(urgent=True) as tx:
            await records.pause(tx, made)
            if made.until is not None:
                key = f"continuous/{made.what}/resume/{made.until:%Y%m%dT%H%M%S.%f}"
                await want(tx, key, RESUME, service, environment, at=made.until)
            await self._note(tx, made.service, made.environment, call.person, "continuous.pause", call.request_id)
        return messages.paused(made, self._parts.permissions.name_of(call.person))

    async def resume(self, call: Call, service: str, environment: str) -> Reply:
        """Let it go on, with the newest commit. Raises: Refused: it is not paused (`not_paused`)."""
        service, environment = self._words(service, environment)
        async with self._parts.store.write(urgent=True) as tx:
            if not await records.resume(tx, service, environment):
                there = [one.what for one in await records.paused(tx.conn, self._parts.clock.now(), service)]
                hint = f" What is paused: {', '.join(there)}." if there else ""
                what = "/".join(part for part in (service, environment) if part)
                raise Refused("not_paused", f"Continuous deployment of {what} is not paused.{hint}")
            await self._go_on(tx, service, environment, call.person, call.request_id)
        return messages.resumed(service, environment, self._parts.permissions.name_of(call.person))

    async def expire(self, tx: Tx, service: str, environment: str) -> None:
        """Let it go on where the pause is over; one that got another end meanwhile stays."""
        if await records.resume(tx, service, environment, ended_by=self._parts.clock.now()):
            await self._go_on(tx, service, environment, SHIPMATE, "")

    async def _go_on(self, tx: Tx, service: str, environment: str, person: Person, request: str) -> None:
        for place in self._parts.catalog().places():
            if place.service == service and environment in {"", place.environment} and _continuous(self._parts, place):
                await self._look(tx, place, {"event": "resumed", "user": self._parts.permissions.name_of(person)})
        await self._note(tx, service, environment, person, "continuous.resume", request)

    def _words(self, service: str, environment: str) -> tuple[str, str]:
        found = self._parts.catalog().service(service)
        name = found.environment(environment).name if environment else ""
        if not any(one.continuous is not None for one in found.environments if name in {"", one.name}):
            what = f"{found.name}/{name}" if name else found.name
            raise Refused("not_continuous", f"Nothing is deployed to {what} by itself: its configuration says so.")
        return found.name, name

    async def _note(self, tx: Tx, service: str, environment: str, person: Person, action: str, request: str) -> None:
        await self._parts.audit.record(
            tx,
            actor=person,
            action=action,
            outcome="succeeded",
            resource=Resource(service, environment),
            request_id=request,
        )


def _continuous(parts: Parts, place: Place) -> bool:
    return parts.catalog().environment(place).continuous is not None


def is_paused(pauses: Sequence[Pause], place: Place) -> Pause | None:
    """Return which of the pauses in force a place is under."""
    found = (one for one in pauses if one.service == place.service and one.environment in {"", place.environment})
    return next(found, None)
