"""What a model expects at each place of raw values: finds unknown keys and follows references to secrets.

It walks the declared fields beside the values that were read, so the models of the tools, which know nothing of
references or of our file, get the same treatment as ours.
"""

import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.closest import closest, did_you_mean
from bot.settings.mistakes import Where
from bot.settings.secrets import BadReference, Resolver
from bot.settings.source import Source
from bot.settings.values import MayBePlain

UNRESOLVED = "unresolved"
"""Stands in for a secret whose reference failed, so that the rest can still be checked."""


class Walk:
    """One pass over raw values. `prepare` returns them with secrets in place and relative paths made whole.

    Mistakes go to the source.
    """

    def __init__(self, source: Source, resolver: Resolver) -> None:
        self._source = source
        self._resolver = resolver
        self._folder = source.root.parent.resolve()

    def prepare(self, model: type[BaseModel], raw: Any, where: Where, *, skip: Sequence[str] = ()) -> Any:  # noqa: ANN401 - raw values
        """Return `raw` ready to be validated by `model`; keys in `skip` are left out and not looked at."""
        if not isinstance(raw, dict):
            return raw
        fields = {field.alias or name: field for name, field in model.model_fields.items() if not field.exclude}
        ready: dict[str, Any] = {}
        for key, value in raw.items():
            if key in skip:
                continue
            if key in fields:
                ready[key] = self._field(fields[key], value, (*where, key))
            elif model.model_config.get("extra") == "allow":
                ready[key] = value
            else:
                left = [name for name in fields if name not in raw]
                self._source.note(
                    (*where, key),
                    f"{key} is no setting here",
                    did_you_mean(key, fields if closest(key, fields) else left),
                )
        return ready

    def _field(self, field: FieldInfo, value: Any, where: Where) -> Any:  # noqa: ANN401 - raw values
        plain = any(isinstance(mark, MayBePlain) for mark in field.metadata)
        return self._value(field.annotation, value, where, plain=plain)

    def _value(self, expected: Any, value: Any, where: Where, *, plain: bool = False) -> Any:  # noqa: ANN401, PLR0911
        origin, args = get_origin(expected), get_args(expected)
        if origin is Annotated:
            plain = plain or any(isinstance(mark, MayBePlain) for mark in args[1:])
            return self._value(args[0], value, where, plain=plain)
        if origin in {Union, types.UnionType}:
            inner = [one for one in args if one is not type(None)]
            return self._value(inner[0], value, where, plain=plain) if len(inner) == 1 else value
        if expected is SecretStr:
            return self._secret(value, where, plain=plain) if isinstance(value, str) else value
        if expected is Path:
            return self._folder / Path(value).expanduser() if isinstance(value, str) and value else value
        if isinstance(expected, type) and issubclass(expected, BaseModel):
            return self.prepare(expected, value, where)
        if origin in {dict, Mapping} and isinstance(value, dict):
            # Maps of secrets are environments of commands: not every value in them is secret.
            return {key: self._value(args[1], one, (*where, key), plain=True) for key, one in value.items()}
        if origin in {tuple, list, Sequence} and args and isinstance(value, list):
            return [self._value(args[0], one, (*where, index)) for index, one in enumerate(value)]
        return value

    def _secret(self, text: str, where: Where, *, plain: bool) -> str:
        try:
            return self._resolver.resolve(text, plain_allowed=plain)
        except BadReference as error:
            self._source.note(where, error.message, error.suggestion)
            return UNRESOLVED
