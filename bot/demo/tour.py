"""The guided tour: its three steps, how far somebody has come, and the message that says so. No I/O.

How far is read from what Shipmate itself says of its deployments, the first line of each card, so that a step is ticked
off by what really happened, whoever did it and in whatever order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]

_CARD = re.compile(r"(?P<deployment>D-\d+) \S+ (?P<version>\S+) → (?P<place>\S+): (?P<stands>.+)", re.DOTALL)
_MAX_WORDS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to try: its title, the line to type, why, and how the card reads (`ends`) when it is done."""

    key: str
    title: str
    version: str
    place: str
    ends: str
    why: str

    @property
    def line(self) -> str:
        """Return what to type."""
        return f"/deploy checkout@{self.version} to {self.place}"


STEPS = (
    Step(
        key="good",
        title="A good deployment",
        version="1.4.2",
        place="staging",
        ends="done",
        why="One card in {channel} shows every stage: checks, the build, the deploy, then ten seconds in which the"
        " error rate and the latency are watched.",
    ),
    Step(
        key="bad",
        title="A bad one that rolls itself back",
        version="1.5.0",
        place="staging",
        ends="rolled back",
        why="1.5.0 starts well, then fails a third of its requests. Watch it being found out, and 1.4.2 coming back.",
    ),
    Step(
        key="approval",
        title="An approval",
        version="1.4.2",
        place="production",
        ends="done",
        why="Production asks first, and nobody approves what they asked for themselves. So switch to *Ana*, at the"
        " top of the page, and press *Approve* below the card in {channel}.",
    ),
)

MORE = (
    ("/where checkout", "what runs where, and since when"),
    ("/deploy", "a form, for those who do not remember the words"),
    ("/rollback checkout in production", "back to the version before"),
    ("/lock checkout/production", "nobody else deploys there meanwhile"),
    ("/calendar", "what is locked and frozen, now and next; release managers freeze with /freeze"),
    ("/metrics checkout in production", "a chart of its error rate and latency"),
    ("/shipmate help", "everything else"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a card said: which step it belongs to, how far that is, the words, and the message (`ts`)."""

    step: str
    stage: Literal["begun", "done"]
    deployment: str
    words: str
    ts: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody has come: the sight of each step that has begun or is done, by its key."""

    sights: Mapping[str, Sight]

    def is_done(self, step: Step) -> bool:
        """Tell whether a step is ticked off."""
        return step.key in self.sights and self.sights[step.key].stage == "done"

    @property
    def next(self) -> Step | None:
        """Return the first step that is not done."""
        return next((step for step in STEPS if not self.is_done(step)), None)

    def after(self, text: str, ts: str) -> "Progress":
        """Return the progress after a message of Shipmate's; the same object when it changes nothing.

        A step that is done stays done; what else is said of the same deployment may only add to its words.
        """
        found = sight_of(text, ts)
        if found is None:
            return self
        old = self.sights.get(found.step)
        if old is not None and old.stage == "done":
            adds = found.deployment == old.deployment and found.words.startswith(old.words) and found.words != old.words
            if not adds:
                return self
            found = replace(found, ts=old.ts)
        return self if found == old else Progress({**self.sights, found.step: found})


def sight_of(text: str, ts: str) -> Sight | None:
    """Return what a message says of a step, None for a message that is no card of the tour's."""
    card = _CARD.match(text)
    if card is None:
        return None
    words = f"{card['deployment']}: {card['stands'].rstrip('. ')}"
    words = words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 1] + "…"
    for step in STEPS:
        if card["place"] != step.place:
            continue
        if card["stands"].startswith(step.ends):
            return Sight(step=step.key, stage="done", deployment=card["deployment"], words=words, ts=ts)
    for step in STEPS:
        if (card["place"], card["version"]) == (step.place, step.version):
            return Sight(step=step.key, stage="begun", deployment=card["deployment"], words=words, ts=ts)
    return None


def message(progress: Progress, *, channel: str, links: Mapping[str, str]) -> Json:
    """Return the tour's message: text and blocks.

    `channel` is the id of the channel where cards appear, `links` the addresses of cards by their `ts`.
    """
    left = [step for step in STEPS if not progress.is_done(step)]
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": "Start here: three things to try"}},
        _section(
            "This is a Slack workspace of your own. Shipmate is in it as it would be in Slack, and the service"
            " *checkout* really runs on this machine: on staging and in production, with customers who buy."
            f" You begin as *Mia*, a developer. Type what follows in <#{channel}>, or right here."
        ),
    ]
    for number, step in enumerate(STEPS, 1):
        blocks += [{"type": "divider"}, *_step(number, step, progress, channel, links)]
    if not left:
        lines = "\n".join(f"• `{line}` {why}" for line, why in MORE)
        blocks += [{"type": "divider"}, _section(f"*That was the tour.* What else there is:\n{lines}")]
    text = f"Start here: {len(STEPS) - len(left)} of {len(STEPS)} done"
    return {"text": text, "blocks": blocks}


def _step(number: int, step: Step, progress: Progress, channel: str, links: Mapping[str, str]) -> list[Json]:
    sight = progress.sights.get(step.key)
    if progress.is_done(step):
        head = f":white_check_mark: *{number}. {step.title}* – done"
    elif sight is not None:
        head = f":hourglass_flowing_sand: *{number}. {step.title}* – under way"
    else:
        head = f":white_large_square: *{number}. {step.title}*"
    blocks = [_section(head)]
    if not progress.is_done(step):
        why = step.why.format(channel=f"<#{channel}>")
        blocks = [_section(f"{head}\n```{step.line}```\n{why}")]
    if sight is not None:
        link = links.get(sight.ts)
        said = f"{sight.words} · <{link}|see the card>" if link else sight.words
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": said}]})
    return blocks


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def news(before: Progress, after: Progress) -> str:
    """Return what to tell when a step has just been ticked off, "" when none has: an edit notifies nobody."""
    ticked = [step for step in STEPS if after.is_done(step) and not before.is_done(step)]
    if not ticked:
        return ""
    said = f":white_check_mark: *{ticked[0].title}* – {after.sights[ticked[0].key].words}"
    if after.next is None:
        return f"{said}\nThat was the tour: the pinned message says what else there is."
    return f"{said}\nNext: *{after.next.title}*. Type `{after.next.line}`"
