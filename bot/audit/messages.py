"""What a search of the audit log answers."""

from collections.abc import Callable, Mapping, Sequence

from bot.audit.entries import Entry
from bot.identity import Person
from bot.reply import Button, Buttons, Headline, Markup, Note, Paragraph, Part, Reply, code, joined, moment, say

_LONGEST = 160


def found(entries: Sequence[Entry], *, more: bool, args: Mapping[str, str], name_of: Callable[[Person], str]) -> Reply:
    """Return one page of what was found, newest first; `args` are those of the search, for the button to older ones."""
    if not entries:
        nothing = "The audit log has no entry like this." if "before" not in args else "There are no older entries."
        return Reply(summary=nothing, parts=(Paragraph(say("{}", nothing)),))
    first, last = entries[-1].number, entries[0].number
    summary = f"Audit log: entries {first} to {last}" if first != last else f"Audit log: entry {first}"
    parts: list[Part] = [
        Headline(say("{}", summary)),
        Paragraph(joined("\n", (_line(entry, name_of(entry.actor)) for entry in entries))),
        Note(say("Newest first. Only you see this; that you looked is in the log, too.")),
    ]
    if more:
        parts.append(Buttons((Button(label="Older", command="audit", args={**args, "before": str(first)}),)))
    return Reply(summary=summary, parts=tuple(parts))


def _line(entry: Entry, actor: str) -> Markup:
    place = "/".join(
        part for part in (entry.resource.service, entry.resource.environment, entry.resource.target) if part
    )
    asked = str(entry.data.get("asked") or entry.data.get("words") or entry.data.get("code") or "")
    rest = (one for one in (place, entry.subject, asked[:_LONGEST], entry.rule[:_LONGEST]) if one)
    told = joined("", (say(" · {}", one) for one in rest))
    what = say("{} {} {}: *{}*", code(f"#{entry.number}"), moment(entry.at, day=True), actor, entry.action)
    return say("{} {}{}", what, entry.outcome, told)
