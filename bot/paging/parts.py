"""What paging is made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field

from bot.catalog import Catalog
from bot.clock import Clock
from bot.command import Invocation
from bot.identity import Person
from bot.permissions import Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox


class Trouble(Struct, frozen=True, kw_only=True):
    """What somebody is woken for. `labels` choose the chain; `answer` is the command that an answer to a page runs."""

    subject: str
    title: str
    service: str = ""
    environment: str = ""
    severity: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    answer: str = "acknowledge"


class Said(Struct, frozen=True, kw_only=True):
    """What a page says of its trouble: a title of one line, a plain text, and words for a voice."""

    title: str
    text: str
    spoken: str


class Parts(Struct, frozen=True, kw_only=True):
    """What paging is made of. `settings` and `catalog` are asked each time, so that a reload is seen at once.

    `on_call` returns who is on call by a schedule now, none in a gap. `gone` tells whether somebody has left; it
    answers soon, and False where that cannot be told. `link_of` returns where a trouble is shown, "" where that is not
    known. `submit` has a command run as if its person had pressed a button. `owner` is the unique name of this process.
    """

    store: Store
    clock: Clock
    outbox: Outbox
    permissions: Permissions
    toolbox: Toolbox
    settings: Callable[[], Settings]
    catalog: Callable[[], Catalog]
    on_call: Callable[[str], Awaitable[tuple[Person, ...]]]
    gone: Callable[[Person], Awaitable[bool]]
    link_of: Callable[[str], Awaitable[str]]
    submit: Callable[[Invocation], Awaitable[bool]]
    owner: str


class Domain(Protocol):
    """What the domain above tells of its troubles."""

    async def about(self, subject: str) -> Said | None:
        """Return what a page says of a trouble, None where it is not known."""
        ...

    async def began_since(self, subject: str, since: datetime) -> int:
        """Return how many alerts of a trouble began since a moment."""
        ...

    async def changed(self, subjects: frozenset[str]) -> None:
        """Show troubles anew, because what is done about them has changed."""
        ...


class NoDomain:
    """Stands in until a domain is there: nothing is known of any trouble but its title."""

    async def about(self, subject: str) -> Said | None:  # noqa: ARG002 - the protocol's
        """Return that nothing is known."""
        return None

    async def began_since(self, subject: str, since: datetime) -> int:  # noqa: ARG002 - the protocol's
        """Return none."""
        return 0

    async def changed(self, subjects: frozenset[str]) -> None:
        """Show nothing."""
