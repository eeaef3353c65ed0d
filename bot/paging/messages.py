"""The words of paging: direct messages, what a message says of who is being paged, and what became of each page."""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.identity import Person
from bot.paging.parts import Said
from bot.paging.records import SENT, PageRow, PageState, Run
from bot.reply import Button, Buttons, Markup, Message, Paragraph, Style, escape, joined, moment, say

NameOf = Callable[[Person], str]
_MOST = 10
_MOST_BUTTONS = 4
_WAYS = {"slack": "Slack", "push": "push", "call": "call", "sms": "SMS", "email": "e-mail", "event": "event"}


def way(name: str) -> str:
    """Return how people call a way."""
    return _WAYS.get(name, name)


def direct(found: Sequence[tuple[Run, Said]]) -> Message:
    """Return the direct message that asks somebody to come: for one trouble, or for several at once."""
    pressed = []
    for run, _ in found[:_MOST_BUTTONS]:
        label = "Acknowledge" if run.person is None else "Coming"
        label = label if len(found) == 1 else f"{label} {run.subject}"
        pressed.append(Button(label=label, command=run.answer, args={"alert": run.subject}, style=Style.PRIMARY))
    if len(found) == 1:
        run, said = found[0]
        if run.person is not None:
            pressed.append(Button(label="Cannot", command="cannot", args={"alert": run.subject}))
        pressed.append(Button(label="Show", command="alert", args={"alert": run.subject}))
        begins = "You are being paged" if run.person is None else "You are still asked to help"
        lines = [say("*{}: {} {}*", begins, run.subject, said.title)]
        lines += [escape(said.text)] if said.text else []
        return Message(
            summary=f"Page: {run.subject} {said.title}",
            parts=(Paragraph(joined("\n", lines)), Buttons(tuple(pressed))),
        )
    lines = [say("*You are being paged for {} alerts*", len(found))]
    lines += [say("• {} {}", run.subject, said.title) for run, said in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(say("… and {} more: /alerts", len(found) - _MOST))
    return Message(
        summary=f"Page: {len(found)} alerts", parts=(Paragraph(joined("\n", lines)), Buttons(tuple(pressed)))
    )


def gathered(found: Sequence[tuple[Run, Said]]) -> Said:
    """Return what a page says that is for several troubles at once."""
    names = ", ".join(run.subject for run, _ in found[:_MOST])
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    titles = "; ".join(said.title for _, said in found[:3])
    return Said(
        title=f"{len(found)} alerts: {names}{more}",
        text=f"{len(found)} alerts need somebody: {titles}"[:500],
        spoken=f"{len(found)} alerts need somebody. The first is: {found[0][1].spoken}"[:500],
    )


def answered(run: Run, name_of: NameOf) -> Message:
    """Return what the direct message says once nobody is asked any more."""
    line = say("{} {}: {}", run.subject, run.title, stopped(run, name_of))
    return Message(summary=f"{run.subject}: {run.why}", parts=(Paragraph(line),))


def stopped(run: Run, name_of: NameOf) -> str:
    """Return why paging stopped."""
    return f"{run.why} by @{name_of(run.stopped_by)}" if run.stopped_by is not None else run.why


def nobody_came(run: Run, people: Sequence[str], again_at: datetime) -> str:
    """Return what is said when a chain has ended and nobody came."""
    who = f"paged: {', '.join(people)}" if people else "nobody could be paged"
    return f"NOBODY CAME for {run.subject} {run.title} ({who}). Paging begins anew at {again_at:%H:%M} UTC"


def no_answer(run: Run, name: str, again_at: datetime) -> str:
    """Return what is said when somebody who is asked alone has been told by each of their ways and says nothing."""
    who = f"@{name}, who was asked to help with {run.subject}"
    return f"NO ANSWER from {who}. They are paged again at {again_at:%H:%M} UTC"


def line(run: Run, pages: Sequence[PageRow], name_of: NameOf) -> Markup:
    """Return what a trouble's message says of its paging: who, by which ways, what is next."""
    told: dict[str, list[str]] = {}
    for one in pages:
        if one.state in {*SENT, PageState.SENDING, PageState.FAILED}:
            name = f"@{name_of(one.person)}" if one.person is not None else one.pager
            word = f"{way(one.way)} failed" if one.state is PageState.FAILED else way(one.way)
            if word not in told.setdefault(name, []):
                told[name].append(word)
    people = [say("{} ({})", name, ", ".join(words)) for name, words in sorted(told.items())]
    begun = say("Paging {}", joined(", ", people)) if people else say("Paging begins")
    begun = say("{} to help", begun) if run.person is not None and people else begun
    moments = [(one.due_at, f"{way(one.way)} to @{name_of(one.person)}" if one.person else way(one.way))
               for one in pages if one.state is PageState.WAITING and one.due_at is not None]  # fmt: skip
    if run.due_at is not None:
        moments.append((run.due_at, _next(run)))
    if not moments:
        return begun
    at, what = min(moments)
    return say("{} · {}: {}", begun, moment(at), what)


def _next(run: Run) -> str:
    """Return what is due next of paging itself."""
    if run.person is None:
        return f"next step of {run.chain}"
    return "paged again" if run.step == 0 else "the thread is told if there is no answer"


def history(run: Run, pages: Sequence[PageRow], name_of: NameOf) -> Markup:
    """Return each page of a run and what became of it."""
    ended = f", {stopped(run, name_of)}" if not run.running else ""
    how = f"Paging by {run.chain}" if run.person is None else f"Asking @{name_of(run.person)} to help"
    head = say("*{} since {}{}*", how, moment(run.opened_at, day=True), ended)
    return joined("\n", [head, *(_page(one, name_of) for one in pages)])


def _page(one: PageRow, name_of: NameOf) -> Markup:
    who = f"@{name_of(one.person)}" if one.person is not None else one.pager
    at = one.sent_at or one.due_at or one.first_at
    state = {
        PageState.WAITING: "due",
        PageState.SENDING: "being sent",
        PageState.QUEUED: "taken, not known to have arrived",
        PageState.DELIVERED: "delivered",
        PageState.DOUBT: "sent, no answer: it may have arrived",
        PageState.FAILED: "failed",
        PageState.DROPPED: "not needed any more",
    }[one.state]
    line = say("• {} {} by {}: {}", moment(at), who, way(one.way), state)
    if one.carried_by:
        line = say("{} (with {})", line, one.carried_by)
    return say("{}: {}", line, one.reason) if one.reason else line
