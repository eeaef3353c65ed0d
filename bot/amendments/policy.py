"""The policy as plain data: the part of the settings that says who may do what, and what must hold before.

It is what is kept and compared. Values that are as they are by default are left out, so that a new version of Shipmate
with another setting finds the policy unchanged; secrets are never part of it.
"""

import hashlib
import json
from collections.abc import Mapping
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


def policy_of(settings: Settings) -> Policy:
    """Return the policy of these settings."""
    return {
        "people": {
            name: {key: value for key, value in _plain(one).items() if key not in _NO_RIGHTS}
            for name, one in settings.people.items()
        },
        "groups": {name: _plain(one) for name, one in settings.groups.items()},
        "permissions": [_plain(one) for one in settings.permissions],
        "tokens": {one.name: _plain(one) for one in settings.terminal.tokens},
        "environments": {name: _plain(one) for name, one in settings.environments.items()},
        "freezes": {one.name: _plain(one) for one in settings.freezes},
        "services": {name: _service(one) for name, one in settings.services.items()},
        "identity": _plain(settings.identity),
        "policy": _plain(settings.policy),
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


def _service(service: ServiceSettings) -> dict[str, Any]:
    found = {key: value for key, value in _plain(service).items() if key in _OF_A_SERVICE}
    found["environments"] = {one.name: _environment(one) for one in service.environments}
    return found


def _environment(environment: EnvironmentSettings) -> dict[str, Any]:
    return {key: value for key, value in _plain(environment).items() if key not in NEUTRAL}


def _with(service: ServiceSettings, wanted: Mapping[str, Any]) -> ServiceSettings:
    if _service(service) == wanted:
        return service
    environments = []
    for one in service.environments:
        rules = wanted["environments"].get(one.name)
        if rules is not None and rules != _environment(one):
            rest = {key: value for key, value in _plain(one).items() if key in NEUTRAL}
            environments.append(EnvironmentSettings.model_validate({**rest, **rules}))
        else:
            environments.append(one)
    return service.model_copy(update={"owners": tuple(wanted.get("owners", ())), "environments": tuple(environments)})


def _plain(model: BaseModel) -> dict[str, Any]:
    return cast("dict[str, Any]", _json(model.model_dump(by_alias=True, exclude_defaults=True)))


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
