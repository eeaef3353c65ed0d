"""Reading requests to the control API: fields by name, with errors that name them."""

import json
from collections.abc import Mapping

from aiohttp import web

from bot.sandbox.decoding import decode
from bot.sandbox.errors import ControlError, Json
from bot.sandbox.model import Channel, User
from bot.sandbox.platform import Platform


class Fields:
    """The fields of one request's JSON body."""

    def __init__(self, platform: Platform, data: Json, allowed: frozenset[str]) -> None:
        """Keep the fields; raises `ControlError` for one that is not `allowed`."""
        self._platform = platform
        self.data = data
        unknown = sorted(set(data) - allowed)
        if allowed and unknown:
            raise ControlError("unknown_field", f"{unknown[0]}: no such field; known are {', '.join(sorted(allowed))}")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string field; without a default it must be there."""
        value = self.data.get(name, default)
        if value is None:
            raise ControlError("missing_field", f"{name}: is missing; it must be a string")
        if not isinstance(value, str):
            raise ControlError("invalid_field", f"{name}: must be a string, not {type(value).__name__}")
        return value

    def optional(self, name: str) -> str | None:
        """Return a string field, or None when it is absent."""
        return None if self.data.get(name) is None else self.text(name)

    def flag(self, name: str) -> bool:
        """Return a boolean field, false when it is absent."""
        value = self.data.get(name, False)
        if not isinstance(value, bool):
            raise ControlError("invalid_field", f"{name}: must be true or false")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return an object field, empty when it is absent."""
        value = self.data.get(name) or {}
        if not isinstance(value, dict):
            raise ControlError("invalid_field", f"{name}: must be an object")
        return value

    def names(self, name: str) -> tuple[str, ...] | None:
        """Return an array of strings, None when it is absent."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ControlError("invalid_field", f"{name}: must be an array of strings")
        return tuple(value)

    def user(self, name: str = "user", *, deactivated_too: bool = False) -> User:
        """Return the user a field names, who can act unless `deactivated_too`; raises `ControlError` otherwise."""
        user = self._platform.workspace.user(self.data.get(name), name)
        if user.deleted and not deactivated_too:
            raise ControlError("user_deactivated", f"{name}: {user.name} is deactivated and can do nothing")
        return user

    def channel(self, viewer: User) -> Channel:
        """Return the channel the request names, which `viewer` must be in."""
        return self._platform.workspace.channel(self.data.get("channel"), viewer)


async def read_json(request: web.Request) -> Json:
    """Return the request's JSON object; an empty body is an empty object."""
    raw = await request.text()
    if not raw.strip():
        return {}
    try:
        data = decode(raw)
    except json.JSONDecodeError as error:
        raise ControlError("invalid_json", f"body: not JSON ({error.msg} at character {error.pos})") from None
    except ValueError as error:
        raise ControlError("invalid_json", f"body: not JSON ({error})") from None
    if not isinstance(data, dict):
        raise ControlError("invalid_json", "body: must be one JSON object")
    return data
