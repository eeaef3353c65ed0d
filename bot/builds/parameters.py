"""What people give for the parameters of a job or of a waiting action: refused before anything is sent. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bot.closest import closest
from bot.errors import BadInput
from integrations.capabilities.runs import Parameter, ParameterKind

HIDDEN = "•••"
MISSING = "missing_parameter"
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})
_LISTED = 10


class Values(Struct, frozen=True):
    """What was given, checked: `shown` may be read by everybody, `secret` goes to the tool alone."""

    shown: Mapping[str, str]
    secret: Mapping[str, str]


def check(declared: Sequence[Parameter], given: Mapping[str, str], *, of: str) -> Values:
    """Return what was given, in the words of the tool; `of` names the job or action in errors.

    Raises:
        BadInput: `unknown_parameter`, `bad_value` or `missing_parameter`; names the choices and what was meant.
    """
    known = {one.name: one for one in declared}
    shown: dict[str, str] = {}
    secret: dict[str, str] = {}
    for typed, value in given.items():
        parameter = known.get(typed) or _unlike_case(typed, declared)
        if parameter is None:
            raise _unknown(typed, known, of)
        kept = secret if parameter.kind is ParameterKind.SECRET else shown
        kept[parameter.name] = _read(parameter, value, of)
    missing = [one.name for one in declared if one.required and not (shown.get(one.name) or secret.get(one.name))]
    if missing:
        names = " and ".join(missing)
        raise BadInput(MISSING, f"{of} needs {names}: --param {missing[0]}=…")
    return Values(shown, secret)


def without_secrets(declared: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, str]:
    """Return of what was given what is known to be no secret; an unknown name may be that of a secret, misspelt."""
    plain = {one.name.casefold() for one in declared if one.kind is not ParameterKind.SECRET}
    return {name: value for name, value in given.items() if name.casefold() in plain}


def _unlike_case(typed: str, declared: Sequence[Parameter]) -> Parameter | None:
    same = [one for one in declared if one.name.casefold() == typed.casefold()]
    return same[0] if len(same) == 1 else None


def _unknown(typed: str, known: Mapping[str, Parameter], of: str) -> BadInput:
    near = closest(typed, known)
    if near:
        hint = f"Did you mean {near}?"
    elif known:
        more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
        hint = f"It takes {', '.join(list(known)[:_LISTED])}{more}."
    else:
        hint = "It takes none."
    return BadInput("unknown_parameter", f'{of} has no parameter "{typed[:60]}". {hint}')


def _read(parameter: Parameter, value: str, of: str) -> str:
    if parameter.kind is ParameterKind.BOOLEAN:
        word = value.strip().casefold()
        if word not in _YES | _NO:
            raise BadInput("bad_value", f'{parameter.name} of {of} is true or false, not "{value[:60]}".')
        return "true" if word in _YES else "false"
    if parameter.kind is ParameterKind.CHOICE and parameter.choices and value not in parameter.choices:
        same = [one for one in parameter.choices if one.casefold() == value.strip().casefold()]
        if len(same) == 1:
            return same[0]
        near = closest(value, parameter.choices)
        listed = ", ".join(parameter.choices[:_LISTED])
        more = f" and {len(parameter.choices) - _LISTED} more" if len(parameter.choices) > _LISTED else ""
        meant = f" Did you mean {near}?" if near else ""
        raise BadInput(
            "bad_value", f'"{value[:60]}" is no value for {parameter.name} of {of}.{meant} It is one of {listed}{more}.'
        )
    return value
