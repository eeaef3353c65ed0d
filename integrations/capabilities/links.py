"""LinkReader: what is behind an address of the tool's own pages."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Link(Struct, frozen=True, kw_only=True):
    """An address that was recognised: `kind` such as "merge request" or "build", `project` or job, and its `key`."""

    kind: str
    project: str
    key: str
    url: str


class Preview(Struct, frozen=True, kw_only=True):
    """What is worth reading before the link is followed: a title, one line of text, and short facts."""

    title: str
    text: str = ""
    facts: Sequence[str] = ()


@runtime_checkable
class LinkReader(Protocol):
    """Recognises its own addresses, and says what is there."""

    def recognise(self, url: str) -> Link | None:
        """Return what an address names, None when it is not one of this instance. Asks nobody."""
        ...

    async def preview(self, link: Link) -> Preview | None:
        """Return what is there, None when nothing is (any more)."""
        ...
