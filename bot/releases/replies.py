"""What whoever asks about releases is answered: begun, to be confirmed, refused and why, with the next move."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bot.builds.refs import Source
from bot.catalog import Service
from bot.errors import BadInput, Missing, Refused
from bot.identity import Person
from bot.policy.verdicts import Verdict
from bot.releases.changelog import Changelog, counts, for_slack, shortened
from bot.releases.records import Release
from bot.releases.versions import Bump
from bot.reply import Button, Buttons, Note, Paragraph, Part, Reply, Style, say

if TYPE_CHECKING:
    from bot.releases.proposals import Proposal

LONGEST_NOTES = 2900  # of the 3,000 characters that an input of Slack's takes
_SHOWN = 1500
_SINGULAR = {"features": "feature", "fixes": "fix", "others": "other"}


def begun(release: Release) -> Reply:
    """Answer that a release is being cut; its card tells the rest."""
    line = say("*{}* {} is being cut; its card shows how it goes.", release.id, release.name)
    return Reply(
        summary=f"{release.id} {release.name} is being cut",
        parts=(Paragraph(line),),
        subject=release.id,
        shown_in=release.channel,
    )


def shown(release: Release) -> Reply:
    """Answer that a card shows a release already."""
    line = say("*{}* {}: its card shows how it stands.", release.id, release.name)
    return Reply(
        summary=f"{release.id} {release.name}: its card shows how it stands",
        parts=(Paragraph(line),),
        subject=release.id,
        shown_in=release.channel,
    )


def cancelling(release: Release) -> Reply:
    """Answer that the wish to cancel is noted."""
    line = say("*{}* {} is being cancelled, unless its tag is made first; its card shows it.", release.id, release.name)
    return Reply(
        summary=f"{release.id} {release.name} is being cancelled",
        parts=(Paragraph(line),),
        subject=release.id,
        shown_in=release.channel,
    )


def look_first(proposal: "Proposal", args: Mapping[str, str]) -> Missing:
    """Ask to look at version and notes before it is cut: a form where Slack opens one, a button elsewhere."""
    notes = shortened(proposal.notes, LONGEST_NOTES)
    given = {**args, "version": proposal.version, "ref": proposal.source.sha, "notes": notes}
    form = Button(label=f"Look at {proposal.version}…"[:75], command="release cut", args=given, ask=True)
    after = f" after {proposal.previous}" if proposal.previous else ""
    text = f"{proposal.service.name} {proposal.version} is what comes{after}. Look at it before it is cut."
    return Missing("confirm", text, form=form)


def would_be(proposal: "Proposal") -> Reply:
    """Answer a dry run: what would be cut, with its notes; nothing was."""
    title = f"{proposal.service.name} {proposal.version}"
    parts: list[Part] = [Paragraph(say("*{}* would be cut of {}; nothing was.", title, proposal.source.sha[:7]))]
    parts.append(Paragraph(for_slack(proposal.notes[:_SHOWN])))
    if proposal.irreversible:
        parts.append(Paragraph(say("Cannot be undone: {}", ", ".join(proposal.irreversible[:10]))))
    if proposal.newer:
        parts.append(Note(say("{} is greater: this one is of an older line.", proposal.newer)))
    return Reply(summary=f"Dry run: {title} would be cut", parts=tuple(parts), code="dry_run")


def checks(service: Service, source: Source, verdict: Verdict) -> Refused:
    """Refuse a commit whose required checks have not passed."""
    words = f"{service.name} {source.sha[:7]} is not cut: {verdict.words}."
    if verdict.code == "checks_pending":
        return Refused("checks_pending", words)
    return Refused("checks_failed", words)


def nothing_new(service: Service, latest: str, source: Source) -> Refused:
    """Refuse to release the same commit once more."""
    return Refused("nothing_to_release", f"{service.name} {latest} is this very commit ({source.sha[:7]}).")


def nothing_to_release(service: Service, latest: str, changelog: Changelog, ref: str) -> Refused:
    """Refuse `auto` where no commit says that it changes anything; a person may know better."""
    many = f"None of the {changelog.total} commits" if changelog.total > 1 else "Nothing"
    words = (
        f"{many} since {service.name} {latest} is a feature or a fix by Conventional Commits (feat:, fix:), "
        "so auto releases nothing. Say which number grows."
    )
    args = {"service": service.name, **({"ref": ref} if ref else {})}
    moves = tuple(
        Button(
            label=f"Cut a {bump.value} release…", command="release cut", args={**args, "bump": bump.value}, ask=False
        )
        for bump in (Bump.PATCH, Bump.MINOR, Bump.MAJOR)
    )
    return Refused("nothing_to_release", words, moves=moves)


def no_version(service: Service, text: str) -> BadInput:
    """Refuse words that are no version of the service's scheme."""
    releases = service.releases
    form = releases.format if releases.scheme == "calver" else "SemVer, such as 1.4.2"
    return BadInput("bad_version", f"{text} is no version of {service.name}: they are written by {form}.")


def two_versions(given: str, computed: str) -> BadInput:
    """Refuse a version and a bump that do not mean the same."""
    return BadInput("bad_version", f"--version says {given}, and the bump would be {computed}: leave one of them out.")


def not_greater(service: Service, given: str, latest: str) -> BadInput:
    """Refuse a version that would go back."""
    return BadInput(
        "bad_version", f"--version {given} does not come after {service.name} {latest}, which this stands on."
    )


def taken(other: Release, name_of: Callable[[Person], str]) -> Refused:
    """Refuse a version that somebody has or is cutting."""
    verb = "was cut" if other.ended else "is being cut"
    words = f"{other.name} {verb} as {other.id} by @{name_of(other.requested_by)}, of {other.sha[:7]}."
    show = Button(label=f"Show {other.id}", command="release show", args={"release": other.id})
    again = Button(label="Cut the next…", command="release cut", args={"service": other.service})
    return Refused("version_taken", words, moves=(show, again))


def unknown(name: str) -> BadInput:
    """Refuse what names no release."""
    return BadInput("unknown_release", f"There is no release {name}. /release list shows the newest.")


def not_cut(release: Release) -> Refused:
    """Refuse to do anything with a release that is not cut."""
    stands = "could not be cut" if release.ended else "is still being cut"
    show = Button(label=f"Show {release.id}", command="release show", args={"release": release.id})
    return Refused("not_cut", f"{release.id} {release.name} {stands}.", moves=(show,))


def notes(release: Release) -> Reply:
    """Answer with the notes of a release."""
    head = say("*{}* {}", release.id, release.name)
    return Reply(
        summary=f"Notes of {release.name}",
        parts=(Paragraph(head), *notes_parts(release.notes)),
        subject=release.id,
    )


def notes_parts(text: str) -> tuple[Part, ...]:
    """Return notes as paragraphs that fit."""
    parts: list[Part] = []
    kept: list[str] = []
    for line in (*text.split("\n"), None):
        if line is None or sum(map(len, kept)) + len(line) > _SHOWN:
            if "".join(kept).strip():
                parts.append(Paragraph(for_slack("\n".join(kept).strip("\n"))))
            kept = []
        if line is not None:
            kept.append(line)
    return tuple(parts)


def told(changelog: Changelog) -> str:
    """Return how many changes of which kind there are: "1 breaking, 2 features"."""
    found = counts(changelog)
    named = ", ".join(f"{count} {_SINGULAR.get(word, word) if count == 1 else word}" for word, count in found.items())
    more = f" of {changelog.total} commits" if changelog.total > len(changelog.entries) else ""
    return f"{named}{more}"


def none_yet(service: str) -> Reply:
    """Answer that a service has no release yet."""
    button = Button(
        label=f"Cut one of {service}…", command="release cut", args={"service": service}, style=Style.PRIMARY
    )
    words = f"{service} has no release that Shipmate cut."
    return Reply(summary=words, parts=(Paragraph(say("{}", words)), Buttons((button,))), code="no_release_yet")
