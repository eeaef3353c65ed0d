"""The words about continuous deployment."""

from collections.abc import Sequence

from bot.catalog import Place
from bot.command import Resource
from bot.continuous.records import Head, Pause
from bot.deployments.approval_messages import mention
from bot.deployments.messages import stands
from bot.deployments.records import Deployment
from bot.permissions import Permissions
from bot.reply import (
    Button,
    Buttons,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Reply,
    code,
    joined,
    moment,
    say,
    sentence,
)

MOST_AUTHORS = 10


def resource_of(place: Place) -> Resource:
    """Return what a permission is asked on."""
    return Resource(place.service, place.environment, place.target)


def stopped(deployment: Deployment, branch: str, people: Permissions) -> Message:
    """Return what the channel is told when something that was deployed by itself ended badly; authors are mentioned."""
    plan, place = deployment.the_plan, deployment.place
    authors = dict.fromkeys(person for email in plan.emails if (person := people.person_by_email(email)) is not None)
    who = joined(" ", [mention(person, people.name_of) for person in authors][:MOST_AUTHORS])
    line = say(
        "{} *Continuous deployment of {} stopped* at {} ({}): {}. {}",
        who,
        place,
        code(deployment.sha[:7]),
        deployment.id,
        stands(deployment),
        sentence(deployment.words),
    )
    note = say("The same commit is not tried again by itself. The next commit on {} goes on.", branch)
    words = {"service": place.service, "environment": place.environment, "target": place.target}
    given = {key: value for key, value in words.items() if value}
    retry = Button(label="Deploy it again…", command="deploy", args={**given, "version": deployment.sha}, ask=True)
    pause = Button(label="Pause…", command="cd pause", args=_place_words(place), ask=True)
    summary = f"Continuous deployment of {place} stopped at {deployment.sha[:7]} ({deployment.id}): {deployment.words}"
    return Message(summary=summary, parts=(Paragraph(Markup(line.strip())), Note(note), Buttons((retry, pause))))


def replaced_next(deployment: Deployment, branch: str) -> Message:
    """Return what stands in the thread of a deployment by hand where commits go by themselves."""
    summary = f"The next commit on {branch} replaces {deployment.release.name} on {deployment.place}"
    line = say("{} is deployed to by itself: the next commit on {} replaces this.", deployment.place, branch)
    pause = Button(label="Pause…", command="cd pause", args=_place_words(deployment.place), ask=True)
    return Message(summary=summary, parts=(Paragraph(line), Buttons((pause,))))


def refused(place: Place, sha: str, words: str, branch: str) -> Message:
    """Return what the channel is told when a commit is not deployed by itself because a rule says no."""
    line = say("*Continuous deployment of {}* did not deploy {}: {}", place, code(sha[:7]), words)
    note = say("The same commit is not tried again by itself. The next commit on {} is.", branch)
    pause = Button(label="Pause…", command="cd pause", args=_place_words(place), ask=True)
    summary = f"Continuous deployment of {place} did not deploy {sha[:7]}: {words}"
    return Message(summary=summary, parts=(Paragraph(line), Note(note), Buttons((pause,))))


def paused(made: Pause, name: str) -> Reply:
    """Return the answer to a pause, for all to see."""
    line = say("Continuous deployment of *{}* is {}", made.what, _paused(made, name))
    note = say("What waits or runs already goes on. People can deploy by hand.")
    words = {"service": made.service, "environment": made.environment}
    resume = Button(label="Resume", command="cd resume", args={key: value for key, value in words.items() if value})
    summary = f"Continuous deployment of {made.what} is paused by @{name}"
    return Reply(summary=summary, parts=(Paragraph(line), Note(note), Buttons((resume,))), share=True)


def resumed(service: str, environment: str, name: str) -> Reply:
    """Return the answer to a pause that was ended, for all to see."""
    what = "/".join(part for part in (service, environment) if part)
    line = say("Continuous deployment of *{}* goes on, by @{}, with the newest commit.", what, name)
    return Reply(summary=f"Continuous deployment of {what} goes on, by @{name}", parts=(Paragraph(line),), share=True)


def standing(
    branch: str, head: Head | None, pause: Pause | None, last: Deployment | None, name: str, *, on: bool
) -> Markup:
    """Return how a place stands in one line: "continuous from main · last a1b2c3d (D-12): done".

    `last` is the deployment of the newest commit that went, `name` who paused, `on` whether it is on at all.
    """
    parts = [say("continuous from {}", branch)]
    if not on:
        parts.append(say("off: the configuration does not say production: true"))
    elif pause is not None:
        parts.append(_paused(pause, name))
    if head is not None and head.tried:
        how = ""
        if last is not None:
            how = f" ({last.id}): {stands(last)}"
        elif head.code:
            how = f": not deployed ({head.code})"
        parts.append(say("last {}{}", code(head.tried[:7]), how))
    elif head is not None and head.code:
        parts.append(say("waits: {}", head.words))
    if last is not None and last.ended and last.state.value != "succeeded":
        parts.append(say("goes on with the next commit"))
    if head is not None and head.skipped:
        parts.append(say("skipped {}", ", ".join(head.skipped)))
    return joined(" · ", parts)


def listed(lines: Sequence[tuple[Place, Markup]], of: str) -> Reply:
    """Return what is deployed by itself."""
    if not lines:
        nothing = f"Nothing{f' of {of}' if of else ''} is deployed by itself: no environment has continuous."
        return Reply(summary=nothing, parts=(Paragraph(say("{}", nothing)),))
    shown = joined("\n", [say("*{}*: {}", place, line) for place, line in lines])
    return Reply(
        summary=f"Continuous deployment{f' of {of}' if of else ''}",
        parts=(Headline(say("Continuous deployment")), Paragraph(shown)),
    )


def _paused(pause: Pause, name: str) -> Markup:
    reason = say(": “{}”", pause.reason) if pause.reason else Markup("")
    until = say(", until {}", moment(pause.until, day=True)) if pause.until else Markup("")
    return say("paused by @{} since {}{}{}", name, moment(pause.at, day=True), until, reason)


def _place_words(place: Place) -> dict[str, str]:
    return {"service": place.service, "environment": place.environment}
