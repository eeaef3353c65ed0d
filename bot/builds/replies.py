"""What whoever asks about builds is answered."""

from collections.abc import Iterable

from bot.builds.records import Build
from bot.errors import Refused
from bot.reply import Button, Paragraph, Reply, say


def begun(build: Build) -> Reply:
    """Answer that a build has begun; its card tells the rest."""
    verb = "is watched" if build.watched else "has begun"
    line = say("*{}* build of {} {}; its card shows how it goes.", build.id, build.name, verb)
    return Reply(
        summary=f"{build.id} build of {build.name} {verb}",
        parts=(Paragraph(line),),
        subject=build.id,
        shown_in=build.channel,
    )


def shown(build: Build) -> Reply:
    """Answer that a card shows a build already."""
    line = say("*{}* build of {}: its card shows how it goes.", build.id, build.name)
    return Reply(
        summary=f"{build.id} build of {build.name}: its card shows how it goes",
        parts=(Paragraph(line),),
        subject=build.id,
    )


def aborting(build: Build) -> Reply:
    """Answer that the wish to abort is passed on."""
    return Reply(
        summary=f"{build.id} is being aborted",
        parts=(Paragraph(say("*{}* is being aborted; {} is told.", build.id, build.instance)),),
        subject=build.id,
        shown_in=build.channel,
    )


def no_key(names: Iterable[str]) -> Refused:
    """Refuse secret parameters where several processes share the work and none could read what another sealed."""
    listed = " and ".join(names)
    verb = "is" if " and " not in listed else "are"
    return Refused(
        "no_key",
        f"{listed} {verb} secret, and Shipmate has no key to seal that with until the build is started. "
        "Whoever runs Shipmate can set encryption_keys.",
    )


def retried(build: Build) -> Refused:
    """Refuse a second retry of one build."""
    other = build.retried_as if build.retried_as.startswith("B-") else "another build"
    moves = (Button(label=f"Show {other}", command="build show", args={"what": other}),) if other[:2] == "B-" else ()
    return Refused("retried", f"{build.id} was retried already, as {other}.", moves=moves)
