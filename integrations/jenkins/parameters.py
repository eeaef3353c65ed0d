"""Parameters of jobs and of input steps: what they are, and whether what is given fits. Pure."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from integrations.capabilities.runs import Parameter, ParameterKind
from integrations.errors import Refused

DEFINITIONS = "parameterDefinitions[name,type,description,defaultParameterValue[value],choices]"
_KINDS = {
    "BooleanParameterDefinition": ParameterKind.BOOLEAN,
    "ChoiceParameterDefinition": ParameterKind.CHOICE,
    "PasswordParameterDefinition": ParameterKind.SECRET,
}
_FROM_A_FORM = {"FileParameterDefinition", "RunParameterDefinition", "CredentialsParameterDefinition"}


def defined(properties: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    """Return what a job's `property` list declares; files, runs and credentials are left to their defaults."""
    found = [one for each in properties for one in each.get("parameterDefinitions", ())]
    return tuple(_parameter(one) for one in found if one.get("type") not in _FROM_A_FORM)


def of_input(inputs: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    """Return what a waiting input step asks for."""
    found = []
    for one in inputs:
        definition = one.get("definition") or {}
        default = {"value": definition.get("defaultVal")}
        found.append(_parameter({**one, "defaultParameterValue": default, "choices": definition.get("choices") or ()}))
    return tuple(found)


def written(value: object) -> str:
    """Return a value as text: "true" and "false" for booleans, "" for none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def fitting(instance: str, what: str, given: Mapping[str, str], known: Sequence[Parameter]) -> dict[str, str]:
    """Return what is given, checked, as Jenkins wants it. `what` names the job or step in errors.

    Jenkins itself ignores a parameter that a job does not declare, and answers a wrong choice with status 500.

    Raises:
        Refused: one is not declared or of the wrong type; the reason names it and what would be right.
    """
    by_name = {one.name: one for one in known}
    chosen = {}
    for name, value in given.items():
        parameter = by_name.get(name)
        if parameter is None:
            near = get_close_matches(name, by_name, n=1)
            takes = f"did you mean {near[0]}?" if near else f"it takes {', '.join(by_name) or 'none'}"
            raise Refused(instance, f"{what} has no parameter {name}: {takes}")
        chosen[name] = _checked(instance, what, parameter, value)
    return chosen


def _checked(instance: str, what: str, parameter: Parameter, value: str) -> str:
    if parameter.kind is ParameterKind.BOOLEAN:
        if value.lower() not in {"true", "false"}:
            raise Refused(instance, f"{what}: {parameter.name} is true or false, not {value!r}")
        return value.lower()
    if parameter.kind is ParameterKind.CHOICE and value not in parameter.choices:
        choices = ", ".join(parameter.choices)
        raise Refused(instance, f"{what}: {parameter.name} is one of {choices}, not {value!r}")
    return value


def _parameter(definition: Mapping[str, Any]) -> Parameter:
    default = (definition.get("defaultParameterValue") or {}).get("value")
    return Parameter(
        name=str(definition["name"]),
        kind=_KINDS.get(str(definition.get("type")), ParameterKind.TEXT),
        default=written(default),
        choices=tuple(str(one) for one in definition.get("choices") or ()),
        description=str(definition.get("description") or ""),
    )
