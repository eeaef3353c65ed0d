"""From files and environment to `Settings`, or to the list of all that is wrong."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.closest import did_you_mean
from bot.settings.checks import Checks
from bot.settings.mistakes import SettingsError, Where, dotted
from bot.settings.model import Instance, Settings
from bot.settings.secrets import Resolver
from bot.settings.source import Source, read
from bot.settings.values import NAME_PATTERN
from bot.settings.walk import Walk
from integrations.contract import Integration

ModelT = TypeVar("ModelT", bound=BaseModel)
_MIN_TOKEN = 16
_TELLING = {
    "missing": "{field} is missing",
    "string_type": "text was expected; quote it",
    "model_type": "a mapping was expected",
    "dict_type": "a mapping was expected",
    "tuple_type": "a list was expected",
    "list_type": "a list was expected",
    "too_short": "at least one is needed",
}


def read_environ() -> Mapping[str, str]:
    """Return the process environment: the one place that reads it."""
    return dict(os.environ)


def load(
    path: Path,
    environ: Mapping[str, str],
    *,
    integrations: Mapping[str, Integration] | None = None,
    known_permissions: Collection[str] = (),
    known_commands: Collection[str] = (),
) -> Settings:
    """Read `path` and what it includes, follow references to secrets, and check everything.

    `integrations` are the declared tools, by default all that are installed. With `known_permissions` an
    unknown permission in a grant is a mistake too, with `known_commands` a reaction or alias that means none of them.

    Raises:
        SettingsError: all mistakes, sorted by file and line.
    """
    source = read(path)
    declared = _installed(source) if integrations is None else integrations
    resolver = Resolver(environ, path.parent)
    walk = Walk(source, resolver)
    Checks(source, declared, known_permissions, known_commands).run()
    instances = _instances(source, walk, declared)
    ready = walk.prepare(Settings, source.data, (), skip=("integrations",))
    settings = _validate(Settings, {**ready, "integrations": instances}, (), source)
    if settings is not None:
        _check_tokens(settings, source)
    if source.mistakes or settings is None:
        masked = (replace(mistake, message=resolver.mask(mistake.message)) for mistake in source.mistakes)
        raise SettingsError(sorted(set(masked)))
    folder = path.parent.resolve()
    return settings.model_copy(update={"folder": folder, "state_dir": folder / settings.state_dir})


def reload(
    old: Settings,
    path: Path,
    environ: Mapping[str, str],
    *,
    integrations: Mapping[str, Integration] | None = None,
    known_permissions: Collection[str] = (),
    known_commands: Collection[str] = (),
) -> tuple[Settings, SettingsError | None]:
    """Read everything anew, secrets too; where the new files are wrong the old settings stay in force.

    Returns the settings that hold now, and what was wrong with the new ones. Where the store, the HTTP address
    or the state folder differ, the new ones hold only after a restart: see `needs_restart`.
    """
    try:
        new = load(
            path,
            environ,
            integrations=integrations,
            known_permissions=known_permissions,
            known_commands=known_commands,
        )
    except SettingsError as error:
        return old, error
    return new, None


def needs_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the names of changed settings that a running process cannot take over."""
    fixed = ("state_dir", "database", "server", "encryption_keys", "logs", "audit")
    changed = [name for name in fixed if getattr(old, name) != getattr(new, name)]
    before, after = old.slack, new.slack
    tokens = ("mode", "signing_secret", "api_url")
    changed.extend(f"slack.{name}" for name in tokens if getattr(before, name) != getattr(after, name))
    return tuple(changed)


def warnings(settings: Settings) -> tuple[str, ...]:
    """Return what is allowed but unwise, in words for whoever runs Shipmate."""
    told = []
    production = sorted(name for name, kind in settings.environments.items() if kind.production_like)
    if production and settings.on_sqlite:
        told.append(
            f"{', '.join(production)} is production-like and the database is SQLite: one process on one disk. "
            "Set database to a postgresql:// URL."
        )
    if production and not settings.policy.second_person:
        told.append(
            "policy.second_person is off: whoever can change this configuration can give themselves rights on "
            f"{', '.join(production)} alone."
        )
    for name, service in settings.services.items():
        for environment in service.environments:
            kind = settings.environments.get(environment.name)
            if kind and kind.production_like and all(one.when for one in environment.approvals):
                told.append(
                    f"{name}/{environment.name} is production-like and needs no approval"
                    + (" of most changes." if environment.approvals else ".")
                )
    if settings.server.host not in {"127.0.0.1", "::1", "localhost"} and settings.server.public_url.startswith("http:"):
        told.append("server.public_url is http: tokens and approvals would travel unencrypted.")
    if settings.encryption_keys and not settings.server.public_url:
        told.append("encryption_keys is set and server.public_url is not: nobody can link an account of theirs.")
    if not settings.permissions:
        told.append("permissions grants nothing: nobody may do anything but ask for help.")
    return tuple(told)


def _installed(source: Source) -> Mapping[str, Integration]:
    from integrations.registry import PluginError, declared  # noqa: PLC0415 - only where the caller names none

    try:
        return declared()
    except PluginError as error:
        source.note(("integrations",), str(error))
        return {}


def _instances(source: Source, walk: Walk, declared: Mapping[str, Integration]) -> dict[str, Instance]:
    raw = source.data.get("integrations")
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        source.note(("integrations",), "a mapping of names to integrations was expected")
        return {}
    found: dict[str, Instance] = {}
    for name, body in raw.items():
        where: Where = ("integrations", name)
        kind = body.get("type") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(kind, str):
            source.note(where, "type is missing", f"One of: {', '.join(sorted(declared))}.")
            continue
        if kind not in declared:
            source.note((*where, "type"), f"{kind} is no type of integration", did_you_mean(kind, sorted(declared)))
            continue
        model = declared[kind].settings
        if not re.fullmatch(NAME_PATTERN, name):
            source.note(where, f"{name} cannot be the name of an integration", "Use a-z, 0-9, dot, dash, underscore.")
        settings = _validate(model, walk.prepare(model, body, where, skip=("type",)), where, source)
        if settings is not None:
            found[name] = Instance(kind, settings)
    return found


def _validate(model: type[ModelT], ready: Any, base: Where, source: Source) -> ModelT | None:  # noqa: ANN401 - raw values
    try:
        return model.model_validate(ready)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        told = {(mistake.file, mistake.line, mistake.path) for mistake in source.mistakes}
        for one in errors:
            kind, loc = one["type"], (*base, *one["loc"])
            inner = any(
                len(other["loc"]) > len(one["loc"]) and (*base, *other["loc"])[: len(loc)] == loc for other in errors
            )
            if kind == "extra_forbidden" or (kind == "too_short" and inner):
                continue  # told by the walk, with a suggestion; or none was counted because each has a mistake
            where = loc[:-1] if kind == "missing" else _written(loc, source)
            message = _message(kind, one["msg"], str(loc[-1]) if loc else "")
            if kind != "missing" and (*source.place(where), dotted(where)) in told:
                continue  # its secret failed, or it stands here twice: one message is enough
            source.note(where, message)
        return None


def _message(kind: str, said: str, field: str) -> str:
    if kind in _TELLING:
        return _TELLING[kind].format(field=field)
    said = said.removeprefix("Value error, ")
    return said[:1].lower() + said[1:]


def _written(where: Where, source: Source) -> Where:
    """Return the longest part of a path that stands in the files: Pydantic adds parts of its own, as for keys."""
    for length in range(len(where), 0, -1):
        if where[:length] in source.places:
            return where[:length]
    return ()


def _check_tokens(settings: Settings, source: Source) -> None:
    seen: dict[str, str] = {}
    for number, token in enumerate(settings.terminal.tokens):
        where: Where = ("terminal", "tokens", number, "secret_hash" if token.secret_hash else "secret")
        secret = token.secret_hash or token.secret.get_secret_value()
        if len(secret) < _MIN_TOKEN and not _told(source, where):
            source.note(
                where, f"the secret of {token.name} is shorter than {_MIN_TOKEN} characters", "Make a longer one."
            )
        elif seen.setdefault(secret, token.name) != token.name and not _told(source, where):
            source.note(where, f"{token.name} has the same secret as {seen[secret]}", "Give each its own.")


def _told(source: Source, where: Where) -> bool:
    file, line = source.place(where)
    return any((mistake.file, mistake.line) == (file, line) for mistake in source.mistakes)
