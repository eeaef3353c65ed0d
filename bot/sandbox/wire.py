"""What passed over the wire between the workspace and its apps: every exchange, and the messages it is about.

An exchange is one Web API call, one use of a response URL, one attempt of a delivery, or one frame that opens or ends
a Socket Mode connection.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Literal, TypeAlias

from bot.sandbox.changes import Changes
from bot.sandbox.clock import Clock
from bot.sandbox.errors import Json

Direction: TypeAlias = Literal["to_app", "from_app"]

REMOVED = "[removed]"
"""What stands in a listing where a secret was."""

_TICKETS_KEPT = 5000
_TOKEN = re.compile(r"\b(?:xox[a-z](?:\.xox[a-z])?|xapp)-[\w-]+|(?<=ticket=)[0-9a-f]+")


@dataclass(eq=False, slots=True)
class Scope:
    """Something under way that may change messages: `exchange` is the number it is listed under, 0 until then.

    `order` grows with each one that begins: exchanges are numbered when they end.
    """

    exchange: int = 0
    messages: dict[str, str] = field(default_factory=dict)
    order: int = field(default_factory=count().__next__)


@dataclass(slots=True)
class Exchange:
    """One entry of the log; `messages` says what became of which message (`<channel>:<ts>`) by it."""

    id: int
    at: float
    direction: Direction
    type: str
    app_id: str
    details: Json
    messages: dict[str, str]
    cause: Scope | None
    order: int

    def wire(self) -> Json:
        """Return it as JSON for the control API."""
        return {
            "id": self.id,
            "at": self.at,
            "direction": self.direction,
            "type": self.type,
            "app_id": self.app_id,
            **self.details,
            "messages": dict(self.messages),
            "caused_by": self.cause.exchange or None if self.cause else None,
        }


class WireLog:
    """Every exchange, numbered from 1, newest last; the oldest ones are forgotten.

    What happens inside `within(scope)`, also in tasks that are started there, counts as caused by that scope.
    """

    def __init__(self, clock: Clock, changes: Changes, limit: int) -> None:
        """Start empty; keep at most `limit` exchanges."""
        self._clock = clock
        self._changes = changes
        self._limit = limit
        self._entries: OrderedDict[int, Exchange] = OrderedDict()
        self._by_message: dict[str, list[int]] = {}
        self._tickets: OrderedDict[str, Scope] = OrderedDict()
        self.last = 0
        changes.observe(self._changed)

    @contextmanager
    def within(self, scope: Scope) -> Iterator[Scope]:
        """Count what changes inside the block as caused by `scope`."""
        token = _CURRENT.set((self, scope))
        try:
            yield scope
        finally:
            _CURRENT.reset(token)

    @property
    def current(self) -> Scope | None:
        """Return the scope of what is under way here, None for what no app caused."""
        log, scope = _CURRENT.get() or (None, None)
        return scope if log is self else None

    def given(self, payload: Mapping[str, object], scope: Scope) -> None:
        """Remember the trigger id and the response URLs in a payload, so that their use leads back to it."""
        urls = payload.get("response_urls")
        more = [one.get("response_url") for one in urls if isinstance(one, dict)] if isinstance(urls, list) else []
        for ticket in (payload.get("trigger_id"), payload.get("response_url"), *more):
            if isinstance(ticket, str) and ticket:
                self._tickets[ticket.rpartition("/")[2]] = scope
        while len(self._tickets) > _TICKETS_KEPT:
            self._tickets.popitem(last=False)

    def add(
        self,
        direction: Direction,
        name: str,
        app_id: str,
        *,
        scope: Scope | None = None,
        ticket: str = "",
        **details: object,
    ) -> Exchange:
        """Note one exchange.

        `scope` is its own where it has another than the current one, which is then its cause; `ticket` is the trigger
        id or response URL key that it used up, whose payload is then its cause.
        """
        around = self.current
        own = scope or around or Scope()
        cause = self._tickets.get(ticket) if ticket else around if around is not own else None
        self.last += 1
        own.exchange = self.last
        told = (self.last, self._clock(), direction, name, app_id)
        made = Exchange(*told, dict(details), dict(own.messages), cause, own.order)
        self._entries[made.id] = made
        for key in made.messages:
            self._by_message.setdefault(key, []).append(made.id)
        while len(self._entries) > self._limit:
            self._forget(self._entries.popitem(last=False)[1])
        self._changes.publish("delivery", type=name, direction=direction, exchange=made.id)
        return made

    def note(self, scope: Scope, **details: object) -> None:
        """Add to the exchange of a scope what became known later, such as the HTTP status of the answer."""
        entry = self._entries.get(scope.exchange)
        if entry is not None:
            entry.details |= details

    def cause_of(self, key: str) -> int | None:
        """Return the number of the exchange that posted this message (`<channel>:<ts>`), where an app did."""
        known = (self._entries[number] for number in self._by_message.get(key, ()))
        return next((entry.id for entry in known if entry.messages[key] == "posted"), None)

    def _changed(self, change: Mapping[str, object]) -> None:
        scope = self.current
        channel, ts, kind = change.get("channel"), change.get("ts"), change.get("kind")
        if scope is None or not channel or not ts or kind not in {"message", "reaction"}:
            return
        how = "deleted" if change.get("deleted") else "edited" if change.get("edited") else "posted"
        key, how = f"{channel}:{ts}", "reacted" if kind == "reaction" else how
        scope.messages.setdefault(key, how)
        entry = self._entries.get(scope.exchange)
        if entry is not None and key not in entry.messages:
            entry.messages[key] = how
            self._by_message.setdefault(key, []).append(entry.id)

    def _forget(self, gone: Exchange) -> None:
        for key in gone.messages:
            left = [number for number in self._by_message.get(key, []) if number != gone.id]
            self._by_message[key] = left
            if not left:
                del self._by_message[key]

    def find(self, number: int) -> Exchange | None:
        """Return the exchange of this number while it is known."""
        return self._entries.get(number)

    def newest(self, limit: int) -> list[Exchange]:
        """Return the newest exchanges, oldest of them first."""
        return list(islice(reversed(self._entries.values()), limit))[::-1]

    def since(self, number: int, app_id: str, limit: int) -> list[Exchange]:
        """Return the exchanges after this number, oldest first; an empty `app_id` means of every app."""
        found = (entry for entry in self._entries.values() if entry.id > number and app_id in {"", entry.app_id})
        return list(islice(found, limit))

    def about(self, key: str) -> list[Exchange]:
        """Return the exchanges that have to do with a message (`<channel>:<ts>`) and those that led to them.

        They come in the order in which they began.
        """
        wanted = list(self._by_message.get(key, ()))
        found: dict[int, Exchange] = {}
        while wanted:
            entry = self._entries.get(wanted.pop())
            if entry is None or entry.id in found:
                continue
            found[entry.id] = entry
            if entry.cause is not None:
                wanted.append(entry.cause.exchange)
        return sorted(found.values(), key=lambda entry: (entry.order, entry.id))

    @property
    def oldest(self) -> int:
        """Return the number of the oldest exchange that is still known, 0 for none."""
        return next(iter(self._entries), 0)


_CURRENT: ContextVar[tuple[WireLog, Scope] | None] = ContextVar("current", default=None)


def subjects(payload: Mapping[str, object]) -> dict[str, str]:
    """Return the messages a delivery is about: the one an event tells of, or the one whose element was used."""
    event = payload.get("event")
    about: object
    if isinstance(event, dict):
        item, inner = event.get("item"), event.get("message")
        about = item if isinstance(item, dict) else event
        ts = inner.get("ts") if isinstance(inner, dict) else None
        ts = ts or about.get("deleted_ts") or about.get("message_ts") or about.get("ts")
        channel = about.get("channel") or about.get("channel_id")
    else:
        about = payload.get("container")
        about = about if isinstance(about, dict) else {}
        place = payload.get("channel")
        channel = about.get("channel_id") or (place.get("id") if isinstance(place, dict) else None)
        ts = about.get("message_ts") or payload.get("message_ts")
    known = isinstance(channel, str) and isinstance(ts, str)
    return {f"{channel}:{ts}": "subject"} if known else {}


def without_secrets(data: object, secrets: Iterable[str]) -> str:
    """Return `data` as JSON text in which none of these secrets, and nothing that looks like a token, is left."""
    text = json.dumps(data)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(json.dumps(secret)[1:-1], REMOVED)
    return _TOKEN.sub(REMOVED, text)
