"""What a direct message is about, and who may hold it back: people say what they want to be told, and when."""

from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from bot.identity import Person
from bot.reply import Message
from bot.store import Tx


class About(StrEnum):
    """What a direct message is about."""

    APPROVALS = "approvals"
    ENDS = "ends"
    REMINDERS = "reminders"
    MENTIONS = "mentions"


class Notice(Struct, frozen=True, kw_only=True):
    """A direct message before it is sent. `urgent` goes through whatever the person wants."""

    key: str
    person: Person
    message: Message
    about: About
    subject: str = ""
    urgent: bool = False


class Holder(Protocol):
    """Keeps direct messages that are not to be sent now."""

    async def hold(self, tx: Tx, notice: Notice) -> bool:
        """Tell whether it is kept, or not wanted, so that nothing is to be sent now."""
        ...

    async def amend(self, tx: Tx, key: str, message: Message) -> None:
        """Have what is kept, or was sent with others, under `key/…` say this instead."""
        ...
