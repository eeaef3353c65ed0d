"""How far somebody has come in a tour, and the message that says so. No I/O.

How far is read from what Shipmate itself says, so that a step is ticked off by what really happened, whoever did it and
in whatever order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from bot.demo.steps import Step, Tour

Json: TypeAlias = dict[str, Any]

PUSH = "push"
"""The action of the button that has Tom push a commit."""

_MAX_WORDS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was said: which step it belongs to, how far that is, the words, and the message (`ts`)."""

    step: str
    stage: Literal["begun", "done"]
    words: str
    ts: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody has come: the sight of each step that has begun or is done, by its key."""

    tour: Tour
    sights: Mapping[str, Sight]

    def is_done(self, step: Step) -> bool:
        """Tell whether a step is ticked off."""
        return step.key in self.sights and self.sights[step.key].stage == "done"

    @property
    def left(self) -> tuple[Step, ...]:
        """Return the steps that are not done."""
        return tuple(step for step in self.tour.steps if not self.is_done(step))

    @property
    def next(self) -> Step | None:
        """Return the first step that is not done."""
        return next(iter(self.left), None)

    def after(self, text: str, ts: str) -> "Progress":
        """Return the progress after a message of Shipmate's; the same object when it changes nothing.

        A step that is done stays done; what else is said of the same deployment may only add to its words.
        """
        found = sight_of(self.tour, text, ts)
        if found is None:
            return self
        old = self.sights.get(found.step)
        if old is not None and old.stage == "done":
            if not (found.words.startswith(old.words) and found.words != old.words):
                return self
            found = replace(found, ts=old.ts)
        return self if found == old else Progress(self.tour, {**self.sights, found.step: found})


def sight_of(tour: Tour, text: str, ts: str) -> Sight | None:
    """Return what a message says of a step, None for one that says nothing of any."""
    stages: tuple[Literal["done", "begun"], ...] = ("done", "begun")
    for stage in stages:
        for step in tour.steps:
            pattern = step.done if stage == "done" else step.begun
            said = re.fullmatch(pattern, text, re.DOTALL) if pattern else None
            if said is not None:
                return Sight(step=step.key, stage=stage, words=_words(said), ts=ts)
    return None


def _words(said: re.Match[str]) -> str:
    named = said.groupdict()
    how = str(named["how"]).rstrip(". ")
    words = f"{named['what']}: {how}" if named.get("what") else how
    return words if len(words) <= _MAX_WORDS else words[: _MAX_WORDS - 1] + "…"


def message(progress: Progress, *, channel: str, links: Mapping[str, str]) -> Json:
    """Return the tour's message: text and blocks.

    `channel` is the id of the channel where cards appear, `links` the addresses of messages by their `ts`.
    """
    tour = progress.tour
    there = f"<#{channel}>"
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": tour.title}},
        _section(tour.intro.replace("{channel}", there)),
    ]
    for number, step in enumerate(tour.steps, 1):
        blocks += [{"type": "divider"}, *_step(number, step, progress, there, links)]
    if not progress.left:
        lines = "".join(f"\n• `{line}` {why}" for line, why in tour.more)
        rest = f" What else there is:{lines}" if lines else ""
        blocks += [{"type": "divider"}, _section(f"*That was {len(tour.steps)} of {len(tour.steps)}.*{rest}")]
    head = tour.title.partition(":")[0]
    return {"text": f"{head}: {len(tour.steps) - len(progress.left)} of {len(tour.steps)} done", "blocks": blocks}


def _step(number: int, step: Step, progress: Progress, there: str, links: Mapping[str, str]) -> list[Json]:
    sight = progress.sights.get(step.key)
    if progress.is_done(step):
        head = f":white_check_mark: *{number}. {step.title}* – done"
    elif sight is not None:
        head = f":hourglass_flowing_sand: *{number}. {step.title}* – under way"
    else:
        head = f":white_large_square: *{number}. {step.title}*"
    blocks = [_section(head)]
    if not progress.is_done(step):
        typed = "".join(f"\n```{line}```" for line in step.lines)
        blocks = [_section(f"{head}{typed}\n{step.why.replace('{channel}', there)}")]
        if step.push:
            blocks.append(_button(step))
    if sight is not None:
        link = links.get(sight.ts)
        said = f"{sight.words} · <{link}|see the card>" if link else sight.words
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": said}]})
    return blocks


def _button(step: Step) -> Json:
    label = {"type": "plain_text", "text": "Have Tom push a commit"}
    return {
        "type": "actions",
        "block_id": f"{PUSH}/{step.key}",
        "elements": [{"type": "button", "action_id": PUSH, "text": label}],
    }


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def news(before: Progress, after: Progress) -> str:
    """Return what to tell when a step has just been ticked off, "" when none has: an edit notifies nobody."""
    ticked = [step for step in after.tour.steps if after.is_done(step) and not before.is_done(step)]
    if not ticked:
        return ""
    said = f":white_check_mark: *{ticked[0].title}* – {after.sights[ticked[0].key].words}"
    if after.next is None:
        return f"{said}\n{after.tour.end}"
    typed = f" Type `{after.next.lines[0]}`" if after.next.lines else ""
    return f"{said}\nNext: *{after.next.title}*.{typed}"
