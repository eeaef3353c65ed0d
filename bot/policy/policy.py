"""`PlacePolicy`: what of the settings a decision about one place reads, as plain values."""

import hashlib
import json
from collections.abc import Sequence

from msgspec import Struct, to_builtins

from bot.errors import BadInput
from bot.settings import EnvironmentSettings, Settings
from bot.settings.services import Approval

ANY = "*"
FORCE = "deployment.force"
"""The permission to pass over the rules that the policy names."""


class ApprovalRule(Struct, frozen=True):
    """So many people from these groups must agree; with `paths` or `irreversible` only to changes of that kind."""

    count: int
    groups: tuple[str, ...]
    paths: tuple[str, ...] = ()
    irreversible: bool = False

    @property
    def always(self) -> bool:
        """Whether it holds for every change."""
        return not self.paths and not self.irreversible


class Standard(Struct, frozen=True, kw_only=True):
    """A change that is approved once and for all: of these kinds, with only these files changed (none named: any)."""

    name: str
    kinds: tuple[str, ...]
    paths: tuple[str, ...] = ()


class Emergency(Struct, frozen=True, kw_only=True):
    """What an emergency shortens: one of `approvers` instead of all approvals, and only these `checks`."""

    approvers: tuple[str, ...]
    checks: tuple[str, ...] = ()


class ReviewBy(Struct, frozen=True, kw_only=True):
    """Who is reminded to review what was forced or an emergency, and by which hour of the next working day."""

    groups: tuple[str, ...] = ()
    hour: int = 10
    timezone: str = "UTC"


class PlacePolicy(Struct, frozen=True, kw_only=True):
    """The rules of one environment of one service.

    `promote_targets` are the targets of `promote_from`. `force` names the rules that break-glass passes over, None
    where there is none.
    """

    service: str
    environment: str
    production_like: bool = False
    targets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    promote_from: str = ""
    promote_targets: tuple[str, ...] = ()
    approvals: tuple[ApprovalRule, ...] = ()
    authors_may_approve: bool = False
    standard: tuple[Standard, ...] = ()
    emergency: Emergency | None = None
    force: tuple[str, ...] | None = None
    review: ReviewBy = ReviewBy()

    @property
    def digest(self) -> str:
        """The name of exactly these rules: sha256 of their canonical JSON, 16 hex digits of it."""
        text = json.dumps(to_builtins(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def of(cls, settings: Settings, service: str, environment: str) -> "PlacePolicy":
        """Return the rules that a configuration has for an environment of a service, both by their names.

        Raises:
            BadInput: it has no such place (`not_in_catalog`).
        """
        found = settings.services.get(service)
        known = {one.name: one for one in found.environments} if found is not None else {}
        if environment not in known:
            raise BadInput("not_in_catalog", f"{service}/{environment} is no place of this configuration.")
        return cls.read(settings, service, known[environment], tuple(known.values()))

    @classmethod
    def read(
        cls, settings: Settings, service: str, one: EnvironmentSettings, all_of_them: Sequence[EnvironmentSettings]
    ) -> "PlacePolicy":
        """Return the rules of `one` of the environments of a service."""
        policy = settings.policy
        review = policy.review
        before = next((each for each in all_of_them if each.name == one.promote_from), None)
        emergency, force = policy.emergency, policy.force
        return cls(
            service=service,
            environment=one.name,
            production_like=settings.environments[one.name].production_like,
            targets=one.targets,
            checks=one.checks,
            promote_from=one.promote_from or "",
            promote_targets=before.targets if before is not None else (),
            approvals=tuple(_approval(rule) for rule in one.approvals),
            authors_may_approve=one.authors_may_approve,
            standard=tuple(
                Standard(name=each.name, kinds=each.kinds, paths=each.paths)
                for each in policy.standard
                if _holds(each.services, each.environments, service, one.name)
            ),
            emergency=Emergency(approvers=emergency.approvers, checks=emergency.checks)
            if emergency is not None and _holds(emergency.services, emergency.environments, service, one.name)
            else None,
            force=tuple(force.skips)
            if force is not None and _holds(force.services, force.environments, service, one.name)
            else None,
            review=ReviewBy(
                groups=review.groups or settings.services[service].owners,
                hour=review.hour,
                timezone=review.timezone,
            ),
        )


def _approval(rule: Approval) -> ApprovalRule:
    when = rule.when
    if when is None:
        return ApprovalRule(rule.count, rule.groups)
    return ApprovalRule(rule.count, rule.groups, when.paths, when.irreversible)


def _holds(services: Sequence[str], environments: Sequence[str], service: str, environment: str) -> bool:
    return bool({ANY, service} & set(services)) and bool({ANY, environment} & set(environments))
