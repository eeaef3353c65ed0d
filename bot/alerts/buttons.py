"""The buttons of alerts: each runs a command with arguments, as if typed by who presses it."""

from collections.abc import Sequence

from bot.alerts.causes import Suspect
from bot.alerts.records import Group
from bot.alerts.rules import State
from bot.alerts.silence_records import Quiet, State as SilenceState
from bot.changes.records import Change, Kind
from bot.reply import Button, Confirm, Style
from integrations.capabilities.alerts import Matcher

_MOST_SUSPECTS = 1
_UNDONE = {Kind.DEPLOYED, Kind.ROLLED_BACK}


def of(
    group: Group,
    suspects: Sequence[Suspect],
    approvals: str,
    silences: Sequence[Quiet],
) -> tuple[Button, ...]:
    """Return the buttons of a group's message: what a person may do about it now."""
    if group.over:
        said = tuple(button for one in suspects[:_MOST_SUSPECTS] for button in judging(group, one.change))
        back = Button(label="Un-resolve", command="unresolve", args={"alert": group.id})
        return said if group.hold.closed_by is None else (back, *said)
    blamed = tuple(button for one in suspects[:_MOST_SUSPECTS] for button in about(group, one, approvals))
    active = [one for one in silences if one.state is SilenceState.ACTIVE]
    quiet = of_silence(active[0])[-1:] + of_silence(active[0])[:1] if group.state is State.SILENCED and active else ()
    return in_order((*to_hold(group), *quiet), blamed, together(group))


def in_order(held: Sequence[Button], blamed: Sequence[Button], together: Sequence[Button]) -> tuple[Button, ...]:
    """Return buttons in the order in which people need them: five stand in the row, the others are in its menu."""
    first = [one for one in held if one.command != "resolve"]
    way_back = [one for one in blamed if one.command == "rollback"]
    over = [one for one in held if one.command == "resolve"]
    others = [one for one in blamed if one.command != "rollback"]
    return (*first, *way_back, *together[:1], *over, *others, *together[1:])


def together(group: Group) -> tuple[Button, ...]:
    """Return what people do about a group together."""
    args = {"alert": group.id}
    asked = Button(label="Responders…", command="page", args=args, ask=True)
    noted = Button(label="Note…", command="note", args=args, ask=True)
    if group.hold.part_of:
        return (asked, noted)
    return (asked, noted, Button(label="Attach to…", command="attach", args=args, ask=True))


def to_hold(group: Group) -> tuple[Button, ...]:
    """Return what a person does about the group itself."""
    args = {"alert": group.id}
    if group.hold.part_of:
        return (Button(label="Detach", command="detach", args=args),)
    if group.hold.acknowledged_by is None:
        mine = Button(label="Acknowledge", command="acknowledge", args=args, style=Style.PRIMARY)
    else:
        mine = Button(label="Un-acknowledge", command="unacknowledge", args=args)
    silence = Button(label="Silence…", command="silence", args=args)
    over = Button(
        label="Resolve",
        command="resolve",
        args=args,
        confirm=Confirm(
            title=f"Is {group.id} over?",
            text="It is shown as over. If it still fires after a while, or fires anew, it comes back.",
            yes="Resolve",
        ),
    )
    return (mine, over) if group.state is State.SILENCED else (mine, silence, over)


def about(group: Group, suspect: Suspect, approvals: str) -> tuple[Button, ...]:
    """Return what a person does about a change that may be the cause; `approvals` says what a roll back needs."""
    change = suspect.change
    found: list[Button] = []
    before = str(change.data.get("previous_version") or str(change.data.get("previous_sha") or "")[:8])
    if change.kind in _UNDONE and suspect.last and before:
        version = str(change.data.get("version") or str(change.data.get("sha") or "")[:8])
        place = "/".join(part for part in (change.service, change.environment, change.target) if part)
        warning = _migrations(change)
        args = {
            "service": change.service,
            "environment": change.environment,
            "version": str(change.data.get("previous_version") or change.data["previous_sha"]),
            "reason": f"{group.id} {group.name}"[:200],
        }
        if change.target:
            args["target"] = change.target
        found.append(
            Button(
                label=f"Roll back {change.subject}…"[:75],
                command="rollback",
                args=args,
                style=Style.DANGER,
                confirm=Confirm(
                    title=f"Roll back to {before}?"[:100],
                    text=f"{place} goes back from {version} to {before}.{warning} {approvals}".rstrip()[:300],
                    yes="Roll back",
                ),
            )
        )
    shas = str(change.data.get("previous_sha") or ""), str(change.data.get("sha") or "")
    if all(shas) and change.service:
        args = {"service": change.service, "range": "..".join(shas)}
        found.append(Button(label="Show diff", command="diff", args=args))
    return (*found, *judging(group, change)[1:])


def judging(group: Group, change: Change) -> tuple[Button, ...]:
    """Return what a person says of a change that was named: it was the cause, or it was not."""
    args = {"alert": group.id, "change": change.subject}
    return (
        Button(label="This it was", command="this-it-was", args=args),
        Button(label="Not this", command="not-this", args=args),
    )


def _migrations(change: Change) -> str:
    """Return what going back means for the data; deployments made before that was recorded say nothing."""
    if "irreversible" not in change.data:
        return ""
    marked = bool(change.data["irreversible"])
    return (
        " It carries a migration marked irreversible." if marked else " None of its migrations is marked irreversible."
    )


def to_silence(group: Group, matchers: Sequence[Matcher]) -> tuple[Button, ...]:
    """Return the lengths of a silence to choose from, and a form for another."""
    args = {"alert": group.id, "matchers": ", ".join(map(str, matchers))}
    lengths: tuple[tuple[str, dict[str, str]], ...] = (
        ("30 min", {"duration": "30m"}),
        ("1 h", {"duration": "1h"}),
        ("2 h", {"duration": "2h"}),
        ("4 h", {"duration": "4h"}),
        ("Until it recovers, 24 h at most", {"until_recovery": "yes"}),
        ("8 h", {"duration": "8h"}),
        ("24 h", {"duration": "24h"}),
        ("Until the next working day", {"until": "workday"}),
    )
    chosen = tuple(Button(label=label, command="silence", args={**args, **length}) for label, length in lengths)
    return (*chosen, Button(label="Another end or other labels…", command="silence", args=args, ask=True))


def of_silence(quiet: Quiet) -> tuple[Button, ...]:
    """Return what a person does about a silence in force."""
    args = {"silence": quiet.id}
    lengths = (("1 h longer", {"duration": "1h"}), ("4 h longer", {"duration": "4h"}))
    longer = tuple(Button(label=label, command="extend", args={**args, **length}) for label, length in lengths)
    asked = Button(label="Another end…", command="extend", args=args, ask=True)
    return (*longer, asked, Button(label="End the silence", command="unsilence", args=args))
