"""Judge what replicas did, from the record alone: `python -m tests.replicas.history history.jsonl`.

A record has one JSON object a line, each with its `kind`:

deployment  id, place, state, request, asked_at, claimed_at, ended_at (seconds; claimed_at 0: it never held the place)
run         request, what ("build" or "deploy"), place, fence, began, ended: what a target really did
audit       number, subject, action, outcome
delivery    id, state, attempts: a stored wish
message     key, channel, ts, text, ephemeral: what stands in Slack
place       place, holder, runs, version: what a place says that it runs, and what the store believes
wish        acknowledged, deployments: how many wishes Slack was told had arrived, and how many could have been made

Nothing of Shipmate is imported: a rule must not be wrong here because it is wrong there.
"""

import itertools
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Event = dict[str, Any]
FINAL = {
    "succeeded", "failed", "cancelled", "void", "refused", "rejected", "expired", "rolled_back",
    "rollback_failed",
}  # fmt: skip


def faults(record: Sequence[Event]) -> list[str]:
    """Return what is wrong with a record, one sentence each; nothing where all holds."""
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for event in record:
        by_kind[event["kind"]].append(event)
    return [fault for rule in RULES for fault in rule(by_kind)]


def nothing_is_open(record: dict[str, list[Event]]) -> Iterable[str]:
    """Each wish ended, and no place is held by anybody."""
    for one in record["deployment"]:
        if one["state"] not in FINAL or not one["ended_at"]:
            yield f"{one['id']} never ended: {one['state']}"
    for one in record["delivery"]:
        if one["state"] != "done":
            yield f"the wish {one['id']} never ended: {one['state']}"
    for one in record["place"]:
        if one["holder"]:
            yield f"{one['place']} is still held by {one['holder']}"


def ended_once(record: dict[str, list[Event]]) -> Iterable[str]:
    """The audit log tells of one end of each deployment, the one that its row tells of; no number is left out."""
    ends: dict[str, list[str]] = defaultdict(list)
    for one in record["audit"]:
        state = one["action"].removeprefix("deployment.")
        if one["action"].startswith("deployment.") and state in FINAL:
            ends[one["subject"]].append(state)
    for one in record["deployment"]:
        if ends[one["id"]] != [one["state"]]:
            yield f"{one['id']} is {one['state']}, and the audit log has it end as {ends[one['id']]}"
    numbers = sorted(one["number"] for one in record["audit"])
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the audit log has gaps or repeats: {len(numbers)} entries, the last is {numbers[-1]}"


def one_deployment_a_wish(record: dict[str, list[Event]]) -> Iterable[str]:
    """No wish made two deployments, and each that was acknowledged made one or was refused, once."""
    requests = Counter(one["request"] for one in record["deployment"])
    yield from (f"the wish {request} made {times} deployments" for request, times in requests.items() if times > 1)
    refused = sum(one["action"] == "deploy" and one["outcome"] == "refused" for one in record["audit"])
    made = len(record["deployment"])
    for one in record["wish"]:
        if not one["acknowledged"] <= made + refused <= one["sent"]:
            asked = f"{one['acknowledged']} wishes were acknowledged of {one['sent']}"
            yield f"{asked}; {made} deployments were made and {refused} refused"


def one_at_a_time(record: dict[str, list[Event]]) -> Iterable[str]:
    """From its claim to its end a deployment had its place for itself, whatever died meanwhile."""
    held: dict[str, list[Event]] = defaultdict(list)
    for one in record["deployment"]:
        if one["claimed_at"]:
            held[one["place"]].append(one)
    for place, owners in held.items():
        owners.sort(key=lambda one: one["claimed_at"])
        for before, after in itertools.pairwise(owners):
            if after["claimed_at"] < before["ended_at"]:
                yield f"{place} was claimed by {after['id']} while {before['id']} had it"


def fenced(record: dict[str, list[Event]]) -> Iterable[str]:
    """What was done to a place was done in the order of its fencing numbers, one after the other, each once."""
    runs: dict[str, list[Event]] = defaultdict(list)
    for one in record["run"]:
        if one["what"] == "deploy":
            runs[one["place"]].append(one)
    for place, done in runs.items():
        done.sort(key=lambda one: one["began"])
        for before, after in itertools.pairwise(done):
            if after["fence"] <= before["fence"]:
                yield f"{place}: {after['request']} came with fence {after['fence']} after {before['fence']}"
            if after["began"] < before["ended"]:
                yield f"{place}: {after['request']} began before {before['request']} had ended"


def done_once(record: dict[str, list[Event]]) -> Iterable[str]:
    """No target did the same twice, and what is said to have succeeded was done within the claim."""
    times = Counter((one["what"], one["request"]) for one in record["run"])
    yield from (f"{what} {request} was done {number} times" for (what, request), number in times.items() if number > 1)
    deploys = {one["request"]: one for one in record["run"] if one["what"] == "deploy"}
    for one in record["deployment"]:
        run = deploys.get(f"{one['id']}/deploy") or next(
            (run for request, run in deploys.items() if request.startswith(f"{one['id']}/")), None
        )
        if one["state"] != "succeeded":
            continue
        if run is None:
            yield f"{one['id']} succeeded, and nothing was deployed"
        elif not one["claimed_at"] <= run["began"] <= run["ended"] <= one["ended_at"]:
            yield f"{one['id']} was deployed outside of its claim"


def said_once(record: dict[str, list[Event]]) -> Iterable[str]:
    """Each message stands in Slack once. What only one person sees has no key, and may repeat after a crash."""
    keys = Counter(one["key"] for one in record["message"] if one["key"] and not one["ephemeral"])
    yield from (f"{key} was posted {times} times" for key, times in keys.items() if times > 1)


def the_last_one_runs(record: dict[str, list[Event]]) -> Iterable[str]:
    """On each place runs what the store believes that runs there."""
    for one in record["place"]:
        if one["runs"] != one["version"]:
            yield f"{one['place']} runs {one['runs']!r}, and the store believes {one['version']!r}"


RULES: tuple[Callable[[dict[str, list[Event]]], Iterable[str]], ...] = (
    nothing_is_open,
    ended_once,
    one_deployment_a_wish,
    one_at_a_time,
    fenced,
    done_once,
    said_once,
    the_last_one_runs,
)


def main(path: str) -> int:
    """Print what is wrong with the record in a file, and how much it held; the exit status is 1 where anything is."""
    record = [json.loads(line) for line in Path(path).read_text().splitlines()]
    found = faults(record)
    counts = Counter(event["kind"] for event in record)
    sys.stdout.write("".join(f"{fault}\n" for fault in found))
    sys.stdout.write(
        f"{'; '.join(f'{number} {kind}s' for kind, number in sorted(counts.items()))}: {len(found)} faults\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
