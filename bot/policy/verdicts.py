"""What a rule says: `Verdict`, and `Ask`, who must agree before something is sent."""

from datetime import datetime

from msgspec import Struct


class Verdict(Struct, frozen=True, kw_only=True):
    """What one rule says of one wish: `rule` in people's words, `ok`, the words, and a reason code when it says no.

    `until` is when what the words tell of ends by itself, where that is known. `could` names the groups that could
    let it through. `skipped` is the reason code that was passed over by force.
    """

    rule: str
    ok: bool
    words: str
    code: str = ""
    until: datetime | None = None
    could: tuple[str, ...] = ()
    skipped: str = ""


class Ask(Struct, frozen=True, kw_only=True):
    """One approval rule: `count` people of any of `groups`; `why` where it does not hold for every change."""

    count: int
    groups: tuple[str, ...]
    why: str = ""
