"""What one decision costs in a large company beside a small one, and how fast past deployments are replayed.

`python benchmarks/policy.py [SECONDS] [DEPLOYMENTS]`, by default 5 seconds a point and 10,000 deployments. A decision
is all that stands between a wish and its answer: may this person, looked up among people, groups and grants; the
place in the catalog; the evaluator over the facts. Each is about another person and another service. Limit: 1,000
services, 50 rules and 10,000 people cost at most 1.5 times 10 services, 5 rules and 100 people. Replay runs in
processes of their own, of a tenth of the deployments and of all; rate and peak memory are told.
"""

import asyncio
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import REPETITIONS, verdict

from bot.app.trials import replay_policy
from bot.catalog import Catalog
from bot.clock import SystemClock
from bot.command import Resource
from bot.identity import Person
from bot.permissions import Permissions
from bot.policy.evaluator import evaluate
from bot.policy.facts import Facts
from bot.settings import Settings
from bot.store import Store
from commands.registry import registry
from tests.policy.past import row_of, write

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
WARM = 20_000
BATCH = 2_000


def company(services: int, rules: int, people: int, folder: str = "") -> Settings:
    """Return a configuration of this size: each rule grants a team its share of the services."""
    teams = [f"team-{number}" for number in range(rules)]

    def environment(name: str, **more: object) -> dict[str, object]:
        return {"name": name, "deploy": {"with": "jenkins", "job": name}, **more}

    guarded = {
        "promote_from": "staging",
        "checks": ["unit", "lint"],
        "approvals": [{"count": 2, "from": [teams[0]]}, {"from": [teams[1]], "when": {"paths": ["payments/**"]}}],
    }
    return Settings.model_validate(
        {
            "state_dir": folder or "state",
            "people": {f"p{number}": {"slack": f"U{number:06}"} for number in range(people)},
            "groups": {
                team: [f"p{number}" for number in range(people) if number % rules == index]
                for index, team in enumerate(teams)
            },
            "permissions": [
                {
                    "allow": ["deployment.*"],
                    "to": [team],
                    "services": [f"s{number}" for number in range(services) if number % rules == index],
                }
                for index, team in enumerate(teams)
            ],
            "environments": {"staging": {}, "production": {"production_like": True}},
            "services": {
                f"s{number}": {
                    "repository": {"with": "gitlab", "project": f"s{number}"},
                    "environments": [environment("staging"), environment("production", **guarded)],
                }
                for number in range(services)
            },
        }
    )


def facts(service: str) -> Facts:
    """Return the facts of a deployment to production."""
    sha = "a" * 40
    return Facts(
        at=AT,
        kind="deploy",
        service=service,
        environment="production",
        sha=sha,
        version="1.1.0",
        running_sha="b" * 40,
        standing={"staging": sha},
        checks={"unit": "passed", "lint": "passed"},
        files=("src/a.py", "payments/b.py"),
    )


class Decider:
    """One company, asked about one person and service after the other."""

    def __init__(self, services: int, rules: int, people: int) -> None:
        settings = company(services, rules, people)
        self._permissions = Permissions(settings, SystemClock())
        self._permissions.set_home("T1")
        self._catalog = Catalog(settings)
        self._people = [Person("T1", f"U{number:06}") for number in range(people)]
        self._services = [f"s{number}" for number in range(services)]
        self._facts = {name: facts(name) for name in self._services}
        self._next = 0

    async def decide(self, count: int) -> float:
        """Decide so often and return the CPU seconds it took."""
        began = time.process_time()
        for number in range(self._next, self._next + count):
            person, name = self._people[number % len(self._people)], self._services[number % len(self._services)]
            service = self._catalog.service(name)
            environment = service.environment("production")
            asked = await self._permissions.check(person, "deployment.start", Resource(name, "production"), member=True)
            judged = evaluate(self._facts[name], environment.policy)
            assert asked.allowed, asked.rule
            assert judged.allowed, judged.refusal
        self._next += count
        return time.process_time() - began


async def decisions(seconds: float) -> None:
    """Compare a large company with a small one, in turns."""
    large, small = Decider(1_000, 50, 10_000), Decider(10, 5, 100)
    for one in (large, small):
        await one.decide(WARM)
    ratios = []
    for _ in range(REPETITIONS):
        spent = {large: 0.0, small: 0.0}
        count = 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            count += BATCH
            for one in spent:
                spent[one] += await one.decide(BATCH)
        ratios.append(spent[large] / spent[small])
        each = [1e6 * spent[one] / count for one in (large, small)]
        print(f"{each[0]:7.1f} µs in the large company, {each[1]:7.1f} µs in the small one")
    verdict("a decision among 1,000 services, 50 rules, 10,000 people / 10, 5, 100", ratios, 1.5)


async def replay(folder: str, count: int) -> None:
    """Replay so many deployments, which were decided by other rules, and say how it went."""
    settings = company(50, 5, 100, folder)
    began = time.perf_counter()
    await replay_policy(settings, lambda _line: None, since=timedelta(days=3650))
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:>9,} deployments  {count / took:>9,.0f} per second  peak {peak:.0f} MiB", flush=True)


async def fill(folder: str, count: int) -> None:
    """Write deployments of the last weeks."""
    settings = company(50, 5, 100, folder)
    registry()
    store = await Store.open(settings.database_url, clock=SystemClock())
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        await write(store, [row_of(number, facts(f"s{number % 50}"), settings) for number in numbers])
    await store.close()


async def main(seconds: float, count: int) -> None:
    """Measure both."""
    await decisions(seconds)
    for size in (count // 10, count):
        with tempfile.TemporaryDirectory() as folder:
            await fill(folder, size)
            words = (sys.executable, __file__, "--replay", folder, str(size))
            process = await asyncio.create_subprocess_exec(*words)
            if await process.wait():
                sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--replay"]:
        asyncio.run(replay(sys.argv[2], int(sys.argv[3])))
    else:
        seconds = float(sys.argv[1]) if sys.argv[1:] else 5.0
        asyncio.run(main(seconds, int(sys.argv[2]) if sys.argv[2:] else 10_000))
