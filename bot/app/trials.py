"""`shipmate policy test` and `replay`: try the policy file at hand on cases, and on what was decided in earnest."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field
from msgspec.structs import replace
from pydantic import ValidationError

from bot.app.auditing import opened
from bot.clock import Clock, SystemClock
from bot.command import Resource
from bot.deployments.records import deployments
from bot.errors import BadInput
from bot.freezes.freezes import calendar_of, freeze_of
from bot.freezes.rules import Freeze, blocking, in_force
from bot.locks.rules import Scope
from bot.permissions import EVERYONE, decide
from bot.permissions.grants import grants_of
from bot.policy.cases import Case, Cases
from bot.policy.evaluator import evaluate
from bot.policy.facts import DEPLOY, Facts, FreezeSeen
from bot.policy.outcomes import Outcome, of_judgement, of_plan
from bot.policy.policy import FORCE, PlacePolicy
from bot.settings import Settings
from bot.settings.mistakes import Mistake, SettingsError
from bot.settings.source import Source, read
from bot.store import Store

Say = Callable[[str], None]
_BATCH = 200
_START = {"deploy": "deployment.start", "rollback": "deployment.rollback"}


class Trial:
    """A policy file, ready to decide: the rules of its places, its freezes and its grants."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._grants = grants_of(settings)
        self._freezes: tuple[Freeze, ...] = tuple(
            freeze_of(one, calendar_of(one)) for one in settings.freezes if one.dated
        )
        self._followed = {one.name for one in settings.freezes if not one.dated}
        self._places: dict[tuple[str, str], PlacePolicy] = {}

    def policy(self, service: str, environment: str) -> PlacePolicy:
        """Return the rules of a place. Raises: BadInput (`not_in_catalog`)."""
        key = (service, environment)
        if key not in self._places:
            self._places[key] = PlacePolicy.of(self._settings, service, environment)
        return self._places[key]

    def decide(self, facts: Facts) -> Outcome:
        """Decide about facts, with the freezes of the file at their moment in place of those that were seen."""
        try:
            policy = self.policy(facts.service, facts.environment)
        except BadInput as error:
            return Outcome(code=error.code, words=str(error))
        return of_judgement(evaluate(replace(facts, freezes=self._frozen(facts, policy)), policy))

    def try_case(self, case: Case) -> Outcome:
        """Decide about a case; where it says whose rights, they are looked up in the grants, too."""
        when = case.when
        facts = when.facts(self.policy(when.service, when.environment))
        groups = self._groups(when.by) if when.by else when.groups
        if groups is None:
            return self.decide(facts)
        where = Resource(when.service, when.environment, when.target)
        allowed = decide(self._grants, groups, _START[when.kind], where)
        if not allowed.allowed:
            return Outcome(code="not_allowed", words=allowed.rule)
        force = decide(self._grants, groups, FORCE, where)
        return self.decide(replace(facts, groups=tuple(groups), may_force=force.allowed, could_force=force.who_could))

    def _groups(self, person: str) -> tuple[str, ...]:
        """Return what stands for a person of the file among the holders; user groups cannot be looked into."""
        if person not in self._settings.people:
            raise BadInput("unknown_person", f"{person} is nobody in `people`.")
        named = (name for name, group in self._settings.groups.items() if person in group.people)
        return (f"person:{person}", EVERYONE, *named)

    def _frozen(self, facts: Facts, policy: PlacePolicy) -> tuple[FreezeSeen, ...]:
        place = Scope(facts.service, facts.environment, facts.target)
        covering = [one for one in self._freezes if one.covers(place, production_like=policy.production_like)]
        halts = in_force(covering, facts.at)
        stopping = blocking(halts, rollback=facts.kind != DEPLOY)
        by_name = {one.name: one for one in facts.freezes}
        found = [one for one in facts.freezes if one.declared or one.name in self._followed]
        for halt in halts:
            name, could = halt.freeze.name, halt.freeze.exceptions
            passed = "" if halt in stopping else "restores"
            before = by_name.get(name)
            excepted = facts.exception and (set(could) & set(facts.groups) or (before is not None and before.passed))
            if not passed and excepted:
                passed = "exception"
            words = f"frozen by {name}: {halt.freeze.reason}"
            found.append(FreezeSeen(name=name, words=words, until=halt.until, could=could, passed=passed))
        return tuple(found)


def run_cases(settings: Settings, files: Iterable[Path], say: Say) -> int:
    """Try the cases of files and say how each came out; 0 when all did as they say, 1 otherwise.

    Raises:
        SettingsError: a file has mistakes; all of them, with their lines.
    """
    trial, good, bad = Trial(settings), 0, 0
    for path in files:
        source, cases = _cases(path)
        for number, case in enumerate(cases.cases):
            try:
                differs = case.then.differs(trial.try_case(case))
            except BadInput as error:
                differs = str(error)
            if differs:
                bad += 1
                file, line = source.place(("cases", number))
                say(f"differs  {case.name} ({file}:{line}): {differs}")
            else:
                good += 1
                say(f"ok       {case.name}")
    say(f"{good + bad} cases: {good} as expected, {bad} not")
    return 1 if bad else 0


def _cases(path: Path) -> tuple[Source, Cases]:
    source = read(path)
    if source.mistakes:
        raise SettingsError(source.mistakes)
    try:
        return source, Cases.model_validate(source.data)
    except ValidationError as error:
        mistakes = []
        for one in error.errors(include_url=False, include_input=False):
            file, line = source.place(tuple(one["loc"]))
            where = ".".join(str(part) for part in one["loc"])
            mistakes.append(Mistake(file, line, where, one["msg"], ""))
        raise SettingsError(sorted(set(mistakes))) from None


class _Counts(Struct):
    seen: int = 0
    differ: int = 0
    without: int = 0
    ways: dict[str, int] = field(default_factory=dict)


async def replay_policy(
    settings: Settings, say: Say, *, since: timedelta, as_json: bool = False, clock: Clock | None = None
) -> int:
    """Try the policy file at hand on the deployments since then, and say what would have been decided otherwise; 0.

    What was seen then is taken as it was, except for freezes with dates: those of the file count. A few hundred
    deployments are in memory at most.

    Raises:
        ValueError: the store cannot be opened.
    """
    clock = clock or SystemClock()
    trial, counts = Trial(settings), _Counts()
    began = clock.monotonic()
    async with opened(settings, clock) as store:
        async for row in decided(store, clock.now() - since):
            counts.seen += 1
            if row["facts"] is None or row["plan"] is None:
                counts.without += 1
                continue
            was, now = of_plan(row["plan"]), trial.decide(Facts.from_json(row["facts"]))
            if was.same(now):
                continue
            counts.differ += 1
            way = f"{was.short} → {now.short}"
            counts.ways[way] = counts.ways.get(way, 0) + 1
            say(_line(row, was, now, as_json=as_json))
    seconds = max(clock.monotonic() - began, 1e-9)
    _sum_up(say, counts, seconds, as_json=as_json)
    return 0


async def decided(store: Store, since: Any) -> AsyncIterator[Mapping[str, Any]]:  # noqa: ANN401 - a moment
    """Yield the deployments since a moment, oldest first, with the facts and the plan they were decided by."""
    columns = (deployments.c.id, deployments.c.created_at, deployments.c.service, deployments.c.environment)
    more = (deployments.c.target, deployments.c.version, deployments.c.facts, deployments.c.plan)
    after: tuple[Any, str] = (since, "")
    while True:
        later = sa.or_(
            deployments.c.created_at > after[0],
            sa.and_(deployments.c.created_at == after[0], deployments.c.id > after[1]),
        )
        statement = sa.select(*columns, *more).where(later).order_by(deployments.c.created_at, deployments.c.id)
        async with store.read() as conn:
            rows = (await conn.execute(statement.limit(_BATCH))).mappings().all()
        for row in rows:
            yield dict(row)
        if len(rows) < _BATCH:
            return
        after = (rows[-1]["created_at"], rows[-1]["id"])


def _line(row: Mapping[str, Any], was: Outcome, now: Outcome, *, as_json: bool) -> str:
    place = "/".join(row[name] for name in ("service", "environment", "target") if row[name])
    if as_json:
        told = {"deployment": row["id"], "at": row["created_at"].isoformat(), "place": place, "version": row["version"]}
        return json.dumps({**told, "was": was.short, "would_be": now.short, "rule": now.words or was.words})
    rule = f"  [{now.words or was.words}]" if now.words or was.words else ""
    return f"{row['id']} {row['created_at']:%Y-%m-%d %H:%M} {place} {row['version']}: {was.short} → {now.short}{rule}"


def _sum_up(say: Say, counts: _Counts, seconds: float, *, as_json: bool) -> None:
    if as_json:
        told = {"deployments": counts.seen, "otherwise": counts.differ, "without_facts": counts.without}
        say(json.dumps({**told, "ways": counts.ways, "per_second": round(counts.seen / seconds)}))
        return
    for way, number in sorted(counts.ways.items(), key=lambda one: -one[1]):
        say(f"{number:>6}  {way}")
    without = f", {counts.without} kept no facts" if counts.without else ""
    say(f"{counts.seen} deployments, {counts.differ} otherwise{without}; {counts.seen / seconds:.0f} per second")
