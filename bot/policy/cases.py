"""The cases of `shipmate policy test`: a wish in short words, and what must come of it.

Whatever a case does not say is as it is on a good day: another version than the one that runs, promoted, all checks
passed, nothing locked or frozen by a person.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bot.policy.facts import BlockSeen, Facts, FreezeSeen, LockSeen
from bot.policy.outcomes import Outcome
from bot.policy.policy import PlacePolicy
from bot.settings.services import Word
from bot.settings.values import Model

_SHA, _RUNNING = "a" * 40, "b" * 40
_WORKDAY = datetime(2026, 1, 14, 12, tzinfo=UTC)
State = Literal["passed", "failed", "pending"]


class Asked(Model):
    """So many of these groups are asked."""

    count: int = Field(1, ge=1)
    groups: tuple[Word, ...] = Field(alias="from", min_length=1)


class Then(Model):
    """What must come of it: refused by a reason code, or allowed, perhaps with approvals."""

    allowed: bool = False
    refused: str = ""
    approvals: tuple[Asked, ...] | None = None
    change_class: Annotated[str, Field(alias="class")] = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Then":
        if bool(self.refused) == (self.allowed or self.approvals is not None):
            raise PydanticCustomError("then", "say allowed: true, approvals: […], or refused: <code>; one of them")
        return self

    def differs(self, outcome: Outcome) -> str:
        """Return how an outcome differs from it in words, "" when it is as expected."""
        if self.refused:
            return "" if outcome.code == self.refused else f"expected refused ({self.refused}), got {outcome.short}"
        if outcome.code:
            return f"expected {self._short}, got {outcome.short}: {outcome.words}"
        wanted = tuple(sorted((one.count, tuple(sorted(one.groups))) for one in self.approvals or ()))
        if self.approvals is not None and wanted != outcome.asks:
            return f"expected {self._short}, got {outcome.short}"
        if self.change_class and self.change_class != outcome.change_class:
            return f"expected a change of class {self.change_class}, got {outcome.change_class}"
        return ""

    @property
    def _short(self) -> str:
        asks = tuple((one.count, one.groups) for one in self.approvals or ())
        return Outcome(asks=asks).short


class When(Model):
    """The wish and what is seen. `by` is a person of the configuration; `groups` says instead what they are in."""

    service: Word
    environment: Word
    target: str = ""
    kind: Literal["deploy", "rollback"] = "deploy"
    by: str = ""
    groups: tuple[Word, ...] | None = None
    at: datetime = _WORKDAY
    version: str = "1.1.0"
    running: str = "1.0.0"
    already_there: bool = False
    again: bool = False
    promoted: bool = True
    checks: dict[str, State] = Field({})
    files: tuple[Word, ...] | None = ()
    irreversible: tuple[Word, ...] = ()
    locked_by: str = ""
    frozen_by: str = ""
    blocked: bool = False
    exception: str = ""
    change_class: Annotated[str, Field(alias="class", pattern="^(normal|standard|emergency)?$")] = ""
    reason: str = ""
    force: str = ""

    def facts(self, policy: PlacePolicy) -> Facts:
        """Return the facts of it, without the freezes and rights of the configuration."""
        at = self.at if self.at.tzinfo else self.at.replace(tzinfo=UTC)
        before = [policy.promote_from, *(f"{policy.promote_from}/{one}" for one in policy.promote_targets)]
        frozen = FreezeSeen(name="F-1", words=f"frozen by @{self.frozen_by}", declared=True)
        return Facts(
            at=at,
            kind=self.kind,
            service=self.service,
            environment=self.environment,
            target=self.target,
            requester=self.by,
            asked=self.version,
            sha=_RUNNING if self.already_there else _SHA,
            version=self.running if self.already_there else self.version,
            running_sha=_RUNNING,
            running_version=self.running,
            again=self.again,
            standing=dict.fromkeys(filter(None, before), _SHA) if self.promoted else {},
            checks={**dict.fromkeys(policy.checks, "passed"), **self.checks},
            files=self.files,
            irreversible=self.irreversible,
            lock=LockSeen(scope=f"{self.service}/{self.environment}", by=self.locked_by) if self.locked_by else None,
            freezes=(frozen,) if self.frozen_by else (),
            exception=self.exception,
            change_class=self.change_class,
            reason=self.reason,
            force=self.force,
            blocked=BlockSeen(deployment="D-1", sha=_SHA, version=self.version, why="it was taken back")
            if self.blocked
            else None,
        )


class Case(Model):
    """One case."""

    name: Word
    when: When
    then: Then


class Cases(Model):
    """A file of cases."""

    cases: tuple[Case, ...] = Field(min_length=1)
