"""What a search of the audit log answers."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from bot.audit.entries import Entry
from bot.audit.erasure import Found
from bot.audit.people import shown
from bot.identity import Person
from bot.reply import (
    Button,
    Buttons,
    Confirm,
    Headline,
    Markup,
    Note,
    Paragraph,
    Part,
    Reply,
    Style,
    code,
    joined,
    moment,
    say,
)

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
        Paragraph(joined("\n", (_line(entry, shown(entry.actor) or name_of(entry.actor)) for entry in entries))),
        Note(say("Newest first. Only you see this; that you looked is in the log, too.")),
    ]
    if more:
        parts.append(Buttons((Button(label="Older", command="audit", args={**args, "before": str(first)}),)))
    return Reply(summary=summary, parts=tuple(parts))


def asked(ident: str, name: str, found: Found) -> Reply:
    """Return that a wish to erase somebody waits for a second person, with the button that confirms it."""
    own, others = _entries(found.own), _entries(len(found.naming))
    confirm = Confirm(
        title="Erase for good?",
        text=f"{own} lose their person and what was typed, {others} of others lose what names them.",
        yes="Erase",
    )
    button = Button(label="Erase for good", command="confirm-erasure", args={"wish": ident}, style=Style.DANGER)
    return Reply(
        summary=f"{ident}: somebody else has to confirm that a person is erased from the audit log",
        parts=(
            Headline(say("*{}* · {} is to be erased from the audit log", ident, name)),
            Paragraph(say("{} by them, {} of others that name them. The chain stays whole.", own, others)),
            Note(say("Somebody else who holds {} confirms it, within seven days.", code("audit.erase"))),
            Buttons((replace(button, confirm=confirm),)),
        ),
        share=True,
    )


def erased(ident: str, found: Found) -> Reply:
    """Return that it is done, without a name."""
    own, others = _entries(found.own), _entries(len(found.naming))
    told = say("{} is done: {} lost their person, {} of others what named them.", ident, own, others)
    return Reply(summary=str(told), parts=(Paragraph(told),), share=True)


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _line(entry: Entry, actor: str) -> Markup:
    place = "/".join(
        part for part in (entry.resource.service, entry.resource.environment, entry.resource.target) if part
    )
    asked = str(entry.data.get("asked") or entry.data.get("words") or entry.data.get("code") or "")
    rest = (one for one in (place, entry.subject, asked[:_LONGEST], entry.rule[:_LONGEST]) if one)
    told = joined("", (say(" · {}", one) for one in rest))
    what = say("{} {} {}: *{}*", code(f"#{entry.number}"), moment(entry.at, day=True), actor, entry.action)
    return say("{} {}{}", what, entry.outcome, told)
