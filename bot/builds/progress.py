"""What is known of a run under way, as plain values for a row and back: stages, and what in it waits for people."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue

from integrations.capabilities.runs import ManualAction, Parameter, ParameterKind, Run

Progress = Mapping[str, JsonValue]

MOST_STAGES = 60
MOST_LINKS = 20
MOST_ACTIONS = 5


def told(run: Run, before: Progress, now: datetime) -> dict[str, JsonValue]:
    """Return what a row keeps of a run; `before` is what it kept so far, which knows how long people let it wait."""
    waited, since = _number(before.get("waited")), _text(before.get("waits_since"))
    if since and not run.actions:
        waited += (now - datetime.fromisoformat(since)).total_seconds()
        since = ""
    elif run.actions and not since:
        since = now.isoformat()
    return {
        "state": run.state.value,
        "url": run.url,
        "number": run.number,
        "reason": run.reason,
        "since": _moment(run.started_at),
        "until": _moment(run.ended_at),
        "stages": [
            [one.name, one.state.value, _moment(one.started_at), _moment(one.ended_at), one.url]
            for one in run.stages[:MOST_STAGES]
        ],
        "actions": [_dump(action) for action in run.actions[:MOST_ACTIONS]],
        "artifacts": [[one.name, one.url] for one in run.artifacts[:MOST_LINKS]],
        "downstream": [[one.title, one.state.value, one.url] for one in run.downstream[:MOST_LINKS]],
        "waited": waited,
        "waits_since": since,
    }


def waited(progress: Progress, now: datetime) -> timedelta:
    """Return how long a run has waited for people so far: that does not make it late."""
    since = _text(progress.get("waits_since"))
    seconds = _number(progress.get("waited"))
    return timedelta(seconds=seconds) + (now - datetime.fromisoformat(since) if since else timedelta())


def actions(progress: object) -> tuple[ManualAction, ...]:
    """Return what waits for a person in a run, as `told` kept it."""
    found = progress.get("actions") if isinstance(progress, dict) else None
    return tuple(_load(one) for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def people_asked(progress: object) -> bool:
    """Tell whether a run has waited for a person so far."""
    return isinstance(progress, dict) and bool(progress.get("waited") or progress.get("waits_since"))


def rows(progress: object, name: str) -> Iterator[Sequence[str]]:
    """Yield the lists of texts that `told` kept under a name: stages, artifacts, downstream."""
    found = progress.get(name) if isinstance(progress, dict) else None
    for one in found if isinstance(found, list) else ():
        if isinstance(one, list):
            yield [str(part) for part in one]


def _dump(action: ManualAction) -> JsonValue:
    return {
        "id": action.id,
        "label": action.label,
        "text": action.text,
        "url": action.url,
        "parameters": [
            {
                "name": one.name,
                "kind": one.kind.value,
                "default": "" if one.kind is ParameterKind.SECRET else one.default,
                "choices": list(one.choices),
                "required": one.required,
                "description": one.description,
            }
            for one in action.parameters
        ],
    }


def _load(value: dict[str, JsonValue]) -> ManualAction:
    listed = value.get("parameters")
    return ManualAction(
        id=_text(value.get("id")),
        label=_text(value.get("label")),
        text=_text(value.get("text")),
        url=_text(value.get("url")),
        parameters=tuple(_parameter(one) for one in listed if isinstance(one, dict))
        if isinstance(listed, list)
        else (),
    )


def _parameter(value: dict[str, JsonValue]) -> Parameter:
    choices = value.get("choices")
    return Parameter(
        name=_text(value.get("name")),
        kind=ParameterKind(_text(value.get("kind"))),
        default=_text(value.get("default")),
        choices=tuple(str(one) for one in choices) if isinstance(choices, list) else (),
        required=value.get("required") is True,
        description=_text(value.get("description")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""
