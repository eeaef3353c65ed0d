"""Cards of builds and deployments as they change, for terminals that wait for their end."""

from collections.abc import AsyncIterator, Awaitable, Callable

from msgspec import Struct

from bot.clock import Clock
from bot.reply import Message, Reply

_LOOK_AGAIN = 0.5


class Look(Struct, frozen=True, kw_only=True):
    """A card as it stands now; `ended` when it changes no more, `code` is the reason code of an end that was bad."""

    card: Message
    subject: str
    ended: bool = False
    code: str = ""


async def follow(look: Callable[[], Awaitable[Look]], clock: Clock) -> AsyncIterator[Message]:
    """Yield a card whenever it changes, until it has ended; once more with its code if that was bad."""
    shown: Message | None = None
    while True:
        now = await look()
        if now.card != shown:
            shown = now.card
            yield shown
        if now.ended:
            if now.code:
                yield Reply(summary=now.card.summary, parts=now.card.parts, subject=now.subject, code=now.code)
            return
        await clock.sleep(_LOOK_AGAIN)
