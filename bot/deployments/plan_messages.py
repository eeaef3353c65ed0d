"""The look of a plan: commits, people, tickets, and what must not be overlooked."""

from collections.abc import Sequence

from bot.amounts import count
from bot.deployments.plan import Line, Plan
from bot.deployments.records import Deployment
from bot.reply import Markup, Message, Note, Paragraph, Part, code, joined, link, say

SHOWN = 3
_TITLE = 100
_NAME = 60
_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def details(deployment: Deployment) -> Message | None:
    """Return the commits that the card has no room for, for its thread; None when it shows them all."""
    plan = deployment.the_plan
    if plan.total <= SHOWN:
        return None
    summary = f"{deployment.id}: {count(plan.total, 'commit')}"
    return Message(summary=summary, parts=(Note(what_changes(plan)), Paragraph(lines_of(plan, len(plan.lines)))))


def plan_parts(plan: Plan, *, lines: int = 10) -> list[Part]:
    """Return a plan in full: commits, warnings, rules."""
    parts: list[Part] = [Paragraph(what_changes(plan))]
    if plan.lines:
        parts.append(Paragraph(lines_of(plan, lines)))
    parts += [Paragraph(warning) for warning in warnings(plan)]
    return parts


def files(paths: Sequence[str]) -> str:
    """Return which parts of the repository differ: "12 files: src 9, docs 2, README.md"."""
    tops: dict[str, int] = {}
    for path in paths:
        tops[path.partition("/")[0]] = tops.get(path.partition("/")[0], 0) + 1
    most = sorted(tops.items(), key=lambda item: -item[1])[:SHOWN]
    named = ", ".join(f"{top} {number}" if number > 1 else top for top, number in most)
    return f"{count(len(paths), 'file')}: {named}{', …' if len(tops) > len(most) else ''}"


def warnings(plan: Plan) -> list[Markup]:
    """Return what must not be overlooked in a plan."""
    found = []
    if plan.left_behind:
        found.append(
            say(
                "*Leaves behind {}* that {} now: the asked commit is no descendant of what runs.",
                count(plan.left_behind, "commit"),
                "runs" if plan.left_behind == 1 else "run",
            )
        )
    if plan.irreversible:
        names = some([code(path) for path in plan.irreversible], SHOWN)
        found.append(say("*Cannot be undone*: a migration marked irreversible ({}).", names))
    if plan.added and plan.total > len(plan.added):
        read = len(plan.added)
        found.append(
            say("*Only the newest {} of {} commits were read*: authors of the others are not known.", read, plan.total)
        )
    if plan.drift:
        found.append(say("*Not as recorded*: {}.", plan.drift))
    return found


def what_changes(plan: Plan) -> Markup:
    """Return the line that sums a plan up: how many commits, by whom, about what, since which version."""
    if not plan.base.sha:
        return Markup("First deployment there: nothing to compare with")
    commits = count(plan.total, "commit") if plan.total else "no new commits"
    if plan.left_behind and not plan.total:
        commits = f"{count(plan.left_behind, 'commit')} less"
    authors = some([say("{}", cut(_tame(author), _NAME)) for author in plan.authors], 4)
    by = say(" by {}", authors) if plan.authors else Markup("")
    tickets = some([link(url, name) for name, url in plan.tickets], 6)
    about = say(" · {}", tickets) if plan.tickets else Markup("")
    diff = say(" · since {}", plan.base.name)
    more = say(" ({})", link(plan.url, "compare")) if plan.url else Markup("")
    return say("{}{}{}{}{}", commits, by, about, diff, more)


def lines_of(plan: Plan, most: int, *, where: str = "") -> Markup:
    """Return the first commits of a plan, a line each; `where` tells where the others are."""
    shown = [commit_line(line) for line in plan.lines[:most]]
    more = plan.total - len(shown)
    return joined("\n", [*shown, say("…{} more{}", more, where)] if more > 0 else shown)


def commit_line(line: Line) -> Markup:
    """Return one commit: its name, title and author."""
    return say("{} {}   {}", code(line.sha[:7]), cut(_tame(line.title), _TITLE), cut(_tame(line.author), _NAME))


def _tame(text: str) -> str:
    # Three backticks would make code of all lines that follow, marks of direction would disguise what stands behind.
    return text.replace("```", "'''").translate(_TURNS)


def some(parts: Sequence[Markup], most: int, separator: str = ", ") -> Markup:
    """Return the first parts and how many more there are: a card has room for a few of anything."""
    more = len(parts) - most
    if more <= 0:
        return joined(separator, parts)
    return say("{} and {} more", joined(separator, parts[:most]), more)


def cut(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
