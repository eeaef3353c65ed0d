"""The policy as plain data: the part of the settings that says who may do what, and what must hold before.

It is what is kept and compared. Values that are as they are by default are left out, so that a new version of Shipmate
with another setting finds the policy unchanged; secrets are never part of it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel, SecretStr

from bot.settings import Settings
from bot.settings.freezes import FreezeSettings
from bot.settings.identity import IdentitySettings
from bot.settings.model import EnvironmentKind, GrantSettings, GroupSettings, PersonEntry
from bot.settings.policy import PolicySettings
from bot.settings.services import EnvironmentSettings, ServiceSettings
from bot.settings.values import format_duration

Policy = dict[str, Any]
"""people, groups, permissions, tokens, environments, freezes, services, identity and policy, as JSON has them."""

NEUTRAL = frozenset(
    ("name", "aliases", "deploy", "targets", "verify", "rollback", "approval_expires", "approval_reminder")
)
"""What of a service's environment gives nobody a right and guards nothing before a deployment. All else is policy."""

_OF_A_SERVICE = ("owners",)
_NO_RIGHTS = frozenset(("title",))  # of a person
_TOLD = frozenset(
    ("people", "groups", "permissions", "terminal", "environments", "freezes", "services", "identity", "policy")
)


def policy_of(settings: Settings) -> Policy:
    """Return the policy of these settings."""
    # The whole settings are written out at once: to ask each part would build a serializer for each of their classes.
    told = _plain(settings, include=_TOLD)
    tokens = told.get("terminal", {}).get("tokens", [])
    return {
        "people": {
            name: {key: value for key, value in one.items() if key not in _NO_RIGHTS}
            for name, one in told.get("people", {}).items()
        },
        "groups": told.get("groups", {}),
        "permissions": told.get("permissions", []),
        "tokens": {of.name: one for of, one in zip(settings.terminal.tokens, tokens, strict=True)},
        "environments": told.get("environments", {}),
        "freezes": {of.name: one for of, one in zip(settings.freezes, told.get("freezes", []), strict=True)},
        "services": {name: _service(settings.services[name], one) for name, one in told.get("services", {}).items()},
        "identity": told.get("identity", {}),
        "policy": told.get("policy", {}),
    }


def canonical(policy: Policy) -> str:
    """Return the one text of a policy: keys sorted, no spaces, ASCII only."""
    return json.dumps(policy, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(policy: Policy) -> str:
    """Return SHA-256 over the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(policy).encode("ascii")).hexdigest()


def applied(settings: Settings, policy: Policy) -> Settings:
    """Return the settings with this policy in place of their own; services that they do not have are left out.

    Raises:
        pydantic.ValidationError: the policy is of another version and does not fit; nothing should be in force then.
    """
    own = policy_of(settings)
    update: dict[str, Any] = {}
    if own["people"] != policy["people"]:
        update["people"] = {
            name: PersonEntry.model_validate({"title": settings.people[name].title, **one})
            for name, one in policy["people"].items()
            if name in settings.people
        }
    if own["groups"] != policy["groups"]:
        update["groups"] = {name: GroupSettings.model_validate(one) for name, one in policy["groups"].items()}
    if own["permissions"] != policy["permissions"]:
        update["permissions"] = tuple(GrantSettings.model_validate(one) for one in policy["permissions"])
    if own["tokens"] != policy["tokens"]:
        kept = tuple(one for one in settings.terminal.tokens if policy["tokens"].get(one.name) == _plain(one))
        update["terminal"] = settings.terminal.model_copy(update={"tokens": kept})
    if own["freezes"] != policy["freezes"]:
        update["freezes"] = tuple(FreezeSettings.model_validate(one) for one in policy["freezes"].values())
    update["environments"] = {
        name: EnvironmentKind.model_validate(policy["environments"].get(name, _plain(one)))
        for name, one in settings.environments.items()
    }
    update["services"] = {
        name: _with(one, policy["services"].get(name) or own["services"][name])
        for name, one in settings.services.items()
    }
    identity = {"client_secret": settings.identity.client_secret, **policy.get("identity", {})}
    if own["identity"] != policy.get("identity", {}):
        update["identity"] = IdentitySettings.model_validate(identity)
    update["policy"] = PolicySettings.model_validate(policy["policy"])
    return settings.model_copy(update=update)


def _service(service: ServiceSettings, told: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in told.items() if key in _OF_A_SERVICE}
    environments = zip(service.environments, told.get("environments", []), strict=True)
    found["environments"] = {of.name: _rules(one) for of, one in environments}
    return found


def _rules(environment: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in environment.items() if key not in NEUTRAL}


def _with(service: ServiceSettings, wanted: Mapping[str, Any]) -> ServiceSettings:
    if _service(service, _plain(service)) == wanted:
        return service
    environments = []
    for one in service.environments:
        rules = wanted["environments"].get(one.name)
        if rules is not None and rules != _rules(told := _plain(one)):
            rest = {key: value for key, value in told.items() if key in NEUTRAL}
            environments.append(EnvironmentSettings.model_validate({**rest, **rules}))
        else:
            environments.append(one)
    return service.model_copy(update={"owners": tuple(wanted.get("owners", ())), "environments": tuple(environments)})


def _plain(model: BaseModel, include: Collection[str] | None = None) -> dict[str, Any]:
    told = model.model_dump(by_alias=True, exclude_defaults=True, include=set(include) if include else None)
    return cast("dict[str, Any]", _json(told))


def _json(value: object) -> object:
    """Return a value as JSON has it, in a form that the settings read back; secrets are left out."""
    if isinstance(value, Mapping):
        return {str(key): _json(one) for key, one in value.items() if not isinstance(one, SecretStr)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(one) for one in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
