"""`Facts`: everything that a decision about one wish needs, as plain values that are kept with it.

A decision is made again from them, by the policy of then or by another one, without asking any system.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, convert, field, to_builtins
from pydantic import JsonValue

from bot.policy.verdicts import Verdict

DEPLOY, ROLLBACK = "deploy", "rollback"
"""What `Facts.kind` may be."""


class LockSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lock of somebody else that covers the place. `by` is the name people read."""

    scope: str
    by: str
    reason: str = ""
    until: datetime | None = None


class FreezeSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A freeze in force on the place. `words` say it to people; `could` are the groups that may make an exception.

    `passed` is why it is not in the way: "restores" for a rollback that it lets through, "exception", or "" where
    it is. `declared` tells one that a person declared from one of the configuration.
    """

    name: str
    words: str
    until: datetime | None = None
    could: tuple[str, ...] = ()
    passed: str = ""
    declared: bool = False


class BlockSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bad release that the asked commit is, or brings: `version`, that `deployment` took back, and why.

    `itself` tells the very commit from one that holds some of its commits, with `own` more beside them; `fixed` says
    how those mend it, "" where nothing tells that they do. `could` are the groups that may lift the block.
    """

    deployment: str
    sha: str
    version: str
    why: str
    itself: bool = True
    own: int = 0
    fixed: str = ""
    could: tuple[str, ...] = ()


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One wish at one moment, and what was seen then.

    `requester` is a person's key, `groups` those that they were in, of the groups that decide here. `standing` maps
    "staging" or "staging/eu" to the commit that stands there because its deployment succeeded. `checks` maps names
    to passed, failed or pending; None where nobody looked. `files` are the paths that change; None where they are
    not all known. `exceptor` made an exception to freezes, for `exception`; `exception_denied` tells that the
    requester asked for one and may make none. `opens` is when all freezes of the place are over. `force` is the
    reason of a break-glass, `may_force` whether the requester may, `could_force` who may. `fix` is the requester's
    word that it mends a bad release. `gates` are the verdicts of further rules that others keep.
    """

    at: datetime
    kind: str
    service: str
    environment: str
    target: str = ""
    requester: str = ""
    groups: tuple[str, ...] = ()
    asked: str = ""
    sha: str = ""
    version: str = ""
    artifact: str = ""
    digest: str = ""
    running_sha: str = ""
    running_version: str = ""
    drift: str = ""
    again: bool = False
    standing: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] | None = None
    files: tuple[str, ...] | None = None
    irreversible: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    lock: LockSeen | None = None
    freezes: tuple[FreezeSeen, ...] = ()
    opens: datetime | None = None
    exceptor: str = ""
    exception: str = ""
    exception_denied: bool = False
    change_class: str = ""
    reason: str = ""
    force: str = ""
    may_force: bool = False
    could_force: tuple[str, ...] = ()
    blocked: BlockSeen | None = None
    fix: bool = False
    gates: tuple[Verdict, ...] = ()

    @property
    def place(self) -> str:
        """Where it goes, as people write it: "checkout/production/eu"."""
        return "/".join(part for part in (self.service, self.environment, self.target) if part)

    def to_json(self) -> dict[str, JsonValue]:
        """Return it as plain JSON, without what says nothing."""
        written: dict[str, JsonValue] = to_builtins(self)
        return written

    @classmethod
    def from_json(cls, value: JsonValue) -> "Facts":
        """Return the facts that `to_json` wrote; those of a newer version that this one does not know are left out.

        Raises:
            ValidationError: it is something else.
        """
        return convert(value, Facts)
