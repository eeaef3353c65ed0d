"""What one integration declares, and what every adapter can do."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol, runtime_checkable

from msgspec import Struct, field
from pydantic import BaseModel

PATH: Final = ":path"
"""The header under which a webhook's target is told: path and query as they were sent. No real header has this name."""


def wall_clock() -> datetime:
    """Return the present moment, in UTC: what an adapter goes by where nobody hands it a clock."""
    return datetime.now(UTC)  # noqa: TID251 -- the bot hands out its own, see Resources


class Pong(Struct, frozen=True, kw_only=True):
    """What a tool answered to being asked how it is: its version, and who we are to it."""

    version: str = ""
    identity: str = ""
    detail: str = ""


@runtime_checkable
class Adapter(Protocol):
    """One connected instance of a tool."""

    @property
    def instance(self) -> str:
        """The configured name of this instance, such as `jenkins-eu`."""
        ...

    async def ping(self) -> Pong:
        """Ask the tool something cheap that needs our credentials.

        Raises:
            IntegrationError: what is wrong, by kind.
        """
        ...

    async def close(self) -> None:
        """Let go of connections, threads and children that must not outlive us."""
        ...


class WebhookEvent(Struct, frozen=True, kw_only=True):
    """One typed thing that a tool told us: `kind` such as "run.finished", `ref` of the run or object it is about.

    `id` is the tool's own id of the delivery, for deduplication, "" where each is to be taken in,
    the same again too; `data` is what our domains need, plain values.
    """

    instance: str
    kind: str
    id: str
    ref: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


class Integration(Struct, frozen=True, kw_only=True):
    """The declaration of one tool.

    `name` equals the folder's name. `settings` is the Pydantic model of one configured instance. `provides`
    lists the capability protocols; what `connect` returns is an instance of each. `connect` is
    "module:callable", imported only when the tool is configured and called as
    `await callable(instance: str, settings, resources: Resources)`. `webhook` is a module with
    `verify(settings, headers, body) -> bool` and `parse(instance, headers, body) -> Sequence[WebhookEvent]`; where the
    tool reads what it is answered, also with `reply(headers, body) -> tuple[str, str]`: a media type and a text.
    Among the headers is the request's target, as `PATH`.
    """

    name: str
    title: str
    settings: type[BaseModel]
    provides: tuple[type, ...]
    connect: str
    webhook: str = ""


class Resources(Struct, frozen=True, kw_only=True):
    """What the bot lends to an adapter: where it may keep files, proxy and private CA, and what tells the time."""

    state_dir: str
    proxy: str = ""
    ca_file: str = ""
    now: Callable[[], datetime] = wall_clock
