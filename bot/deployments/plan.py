"""What a deployment would do, as plain values: commits, people, tickets, warnings, rules and their verdicts."""

import re
from collections.abc import Sequence

from msgspec import Struct, convert, to_builtins
from pydantic import JsonValue

from bot.catalog import Service
from bot.deployments.rules import digest
from bot.policy.evaluator import NORMAL
from bot.policy.rules import PASSING
from bot.policy.verdicts import Ask, Verdict
from integrations.capabilities.git import Commit, Comparison

SHOWN = 20
"""Commits and tickets that a plan names."""


class Line(Struct, frozen=True, kw_only=True):
    """One commit of a plan. `emails` are the addresses of its author and co-authors, in lower case."""

    sha: str
    title: str
    author: str
    emails: tuple[str, ...] = ()
    url: str = ""


class Release(Struct, frozen=True, kw_only=True):
    """One version as it runs or ran somewhere: commit, name, artifact."""

    sha: str = ""
    version: str = ""
    artifact: str = ""
    digest: str = ""
    deployment: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.version or self.sha[:7] or "nothing"


class Plan(Struct, frozen=True, kw_only=True):
    """What lies between what runs and what is asked.

    `lines` are the first commits of `total`; `added` and `removed` name the commits that come and go, as far as they
    were listed. `left_behind` counts commits that run now and would be gone. `irreversible` names the changed files
    that cannot be undone. `change_class` is the class it is dealt with as. `drift` is set when the place runs
    something Shipmate did not put there.
    """

    base: Release
    lines: tuple[Line, ...] = ()
    total: int = 0
    left_behind: int = 0
    url: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    tickets: tuple[tuple[str, str], ...] = ()
    irreversible: tuple[str, ...] = ()
    drift: str = ""
    asks: tuple[Ask, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    change_class: str = NORMAL

    @property
    def refusal(self) -> Verdict | None:
        """The first rule that says no."""
        return next((verdict for verdict in self.verdicts if not verdict.ok), None)

    def refused(self, *, patient: bool) -> Verdict | None:
        """Return the first rule that says no; for who is patient, one whose no does not pass by itself."""
        noes = (verdict for verdict in self.verdicts if not verdict.ok)
        return next((verdict for verdict in noes if not (patient and verdict.code in PASSING)), None)

    def to_json(self) -> dict[str, JsonValue]:
        """Return it as plain JSON."""
        written: dict[str, JsonValue] = to_builtins(self)
        return written

    @classmethod
    def from_json(cls, value: JsonValue) -> "Plan":
        """Return the plan that `to_json` wrote."""
        return convert(value, Plan)


def digest_of(plan: Plan, *, kind: str, place: str, release: Release) -> str:
    """Return the name of what is approved: the place, the release to the artifact, what it replaces, the rules."""
    content: dict[str, object] = {
        "kind": kind,
        "place": place,
        "sha": release.sha,
        "artifact": release.artifact,
        "digest": release.digest,
        "base": plan.base.sha,
        "total": plan.total,
        "left_behind": plan.left_behind,
        "irreversible": sorted(plan.irreversible),
        "asks": [[ask.count, list(ask.groups)] for ask in plan.asks],
        "emails": sorted(plan.emails),
    }
    if plan.change_class != NORMAL:
        content["class"] = plan.change_class
    return digest(content)


def plan_of(
    service: Service,
    base: Release,
    between: Comparison | None,
    commits: Sequence[Commit],
    *,
    removed: tuple[str, ...] = (),
) -> Plan:
    """Return what a comparison says, without rules."""
    lines = tuple(
        Line(
            sha=commit.sha,
            title=commit.title,
            author=commit.author.name,
            emails=emails_of([commit]),
            url=commit.url,
        )
        for commit in commits[:SHOWN]
    )
    return Plan(
        base=base,
        lines=lines,
        total=len(commits) if between is None else between.total,
        left_behind=0 if between is None else between.left_behind,
        url="" if between is None else between.url,
        added=tuple(commit.sha for commit in commits),
        removed=removed,
        emails=emails_of(commits),
        authors=tuple(dict.fromkeys(commit.author.name for commit in commits)),
        tickets=_tickets(service, commits),
    )


def emails_of(commits: Sequence[Commit]) -> tuple[str, ...]:
    """Return the addresses of authors and co-authors, in lower case, each once."""
    people = [person for commit in commits for person in (commit.author, *commit.co_authors)]
    return tuple(dict.fromkeys(person.email.strip().lower() for person in people if person.email))


def _tickets(service: Service, commits: Sequence[Commit]) -> tuple[tuple[str, str], ...]:
    if service.tickets is None:
        return ()
    found = dict.fromkeys(
        match.group(0) for commit in commits for match in re.finditer(service.tickets.pattern, commit.message)
    )
    url = service.tickets.url
    return tuple((name, url.replace("{}", name) if url else "") for name in found)[:SHOWN]
