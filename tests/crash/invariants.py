"""What holds whatever was killed when, each stated once. Each function yields what breaks it in a world, in words."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from bot.alerts.rules import State as AlertState
from bot.deployments.rules import FINAL, TRANSITIONS, State
from bot.releases.rules import ENDED, State as ReleaseState
from tests.crash.world import World, value

Invariant = Callable[[World], Iterator[str]]
_STANDS = {State.SUCCEEDED: ": done", State.ROLLED_BACK: ": rolled back to ", State.FAILED: ": failed"}
_OVER = FINAL | {State.FAILED}
_OPEN = {"waiting", "sending", "doubt"}


def ended_once(world: World) -> Iterator[str]:
    """Every deployment has come to its end, once, by steps that are allowed."""
    for row in world.rows("deployments"):
        name, state = row["id"], State(row["state"])
        events = sorted((one for one in world.rows("deployment_events") if one["deployment_id"] == name), key=_number)
        way = [State.PLANNING, *(State(one["kind"]) for one in events if one["kind"] in set(State))]
        if state not in _OVER or row["parked_why"]:
            yield f"{name} stands at {state} {row['parked_why']}".rstrip()
        if sum(one in _OVER for one in way) != 1 or way[-1] is not state:
            yield f"{name} is {state} and its story is {way}"
        for before, after in pairwise(way):
            if after not in TRANSITIONS[before]:
                yield f"{name} went from {before} to {after}"


def nothing_is_open(world: World) -> Iterator[str]:
    """Every release is cut or failed, every alert is over, and nobody is paged any more."""
    for row in world.rows("releases"):
        if ReleaseState(row["state"]) not in ENDED or row["parked_why"]:
            yield f"{row['id']} stands at {row['state']} {row['parked_why']}".rstrip()
    for row in world.rows("alert_groups"):
        if row["state"] != AlertState.RESOLVED:
            yield f"{row['id']} is {row['state']}"
    for row in world.rows("paging_runs"):
        if row["running"]:
            yield f"somebody is still paged for {row['subject']}"


def nothing_lost(world: World) -> Iterator[str]:
    """Every wish that Slack was told had arrived is kept, was run, and has an outcome."""
    kept = Counter(_command(value(row, "invocation")) for row in world.rows("deliveries"))
    for wish, times in Counter(world.wishes).items():
        if kept[wish] < times:
            yield f"{times} times {wish!r} arrived, and {kept[wish]} are kept"
    for row in world.rows("deliveries"):
        if row["state"] != "done" or not row["outcome"]:
            yield f"the delivery {row['delivery_id']} is {row['state']} {row['outcome']}".rstrip()
    for row in world.rows("starts"):
        if row["not_before"] is None and row["started_at"] is None:
            yield f"{row['workflow_id']} never began"


def nothing_built_twice(world: World) -> Iterator[str]:
    """Every commit that something was built of was built once, and nothing was built that nobody knows of."""
    wanted = {row["sha"] for table in ("deployments", "releases") for row in world.rows(table) if row["build_run"]}
    built = Counter(world.builds)
    for sha in wanted | set(built):
        if built[sha] != 1 or sha not in wanted:
            yield f"{sha} was built {built[sha]} times{'' if sha in wanted else ' and nobody knows why'}"


def nothing_deployed_twice(world: World) -> Iterator[str]:
    """Every version was started as often as a deployment put it somewhere or back."""
    wanted: Counter[str] = Counter()
    for row in world.rows("deployments"):
        wanted[row["version"]] += bool(row["deploy_run"])
        if row["rollback_run"]:
            wanted[row["previous_version"]] += 1
    started = Counter(world.starts)
    for version in {*wanted, *started}:
        if wanted[version] != started[version]:
            yield f"{version} was started {started[version]} times and should have been {wanted[version]} times"


def nothing_posted_twice(world: World) -> Iterator[str]:
    """Every message of ours is in Slack once, where its row says, and all that was said is there."""
    keys = Counter(one.key for one in world.said if one.key)
    yield from (f"{key} was posted {times} times" for key, times in keys.items() if times > 1)
    there = {(one.channel, one.ts): one for one in world.said}
    rows = {row["key"] for row in world.rows("slack_outbox")}
    yield from (f"{key} stands in Slack and no row knows of it" for key in keys.keys() - rows)
    for row in world.rows("slack_outbox"):
        if row["state"] == "sent" and row["kind"] != "whisper":
            one = there.get((row["place"], row["ts"]))
            if one is None or one.key not in {"", row["key"]}:
                yield f"{row['key']} is not where its row says"


def nothing_paged_twice(world: World) -> Iterator[str]:
    """Every page came once, and every page that a row says was taken came."""
    got = Counter(world.pages)
    yield from (f"the page {mark} came {times} times" for mark, times in got.items() if times > 1)
    taken = [row for row in world.rows("pages") if row["state"] in {"queued", "delivered"} and row["way"] == "push"]
    if len(taken) != len(got):
        yield f"{len(taken)} pages were taken by what their rows say, and {len(got)} came"


def cards_tell_the_rows(world: World) -> Iterator[str]:
    """Every deployment has one card, which says where it stands; every card shows its newest state."""
    there = {(one.channel, one.ts): one for one in world.said}
    shown = {row["subject"]: row for row in world.rows("slack_outbox") if row["kind"] == "show"}
    for row in world.rows("deployments"):
        if row["id"] not in shown:
            yield f"{row['id']} has no card"
    for subject, row in shown.items():
        card = there.get((row["place"], row["ts"]))
        if row["sent"] != row["wanted"] or card is None:
            yield f"the card of {subject} shows state {row['sent']} of {row['wanted']}"
        elif card.summary != value(row, "payload")["message"]["summary"]:
            yield f"the card of {subject} says {card.summary!r}"
    for row in world.rows("deployments"):
        card = next((one for one in world.said if one.key == f"show/{row['id']}"), None)
        if card is not None and _STANDS.get(State(row["state"]), "") not in card.summary:
            yield f"{row['id']} is {row['state']} and its card says {card.summary!r}"


def audit_is_whole(world: World) -> Iterator[str]:
    """The chain of the audit log verifies."""
    if world.audit:
        yield world.audit


def audit_tells_the_rows(world: World) -> Iterator[str]:
    """What the audit log says of each deployment, vote and command is what the rows say."""
    entries = sorted(world.rows("audit_entries"), key=lambda row: row["number"])
    for row in world.rows("deployments"):
        told = [one["action"].partition(".")[2] for one in entries if one["subject"] == row["id"]]
        ends = [one for one in told if one in _OVER]
        if ends != [row["state"]]:
            yield f"{row['id']} is {row['state']} and the audit log says {ends}"
    votes = sum(one["action"] == "deployment.vote.approve" for one in entries)
    if votes != len(world.rows("approval_votes")):
        yield f"{len(world.rows('approval_votes'))} votes are kept and {votes} are in the audit log"
    allowed = {(one["request_id"], one["action"]) for one in entries if one["outcome"] == "allowed"}
    closed = Counter((one["request_id"], one["action"]) for one in entries if one["outcome"] != "allowed")
    for key in allowed:
        if closed[key] != 1:
            yield f"{key[1]!r} of the request {key[0]} has {closed[key]} ends in the audit log"


def no_claim_is_left(world: World) -> Iterator[str]:
    """Nothing holds a place, a message or a page any more."""
    for row in world.rows("places"):
        if row["holder"]:
            yield f"{row['holder']} holds {row['service']} in {row['environment']}"
    for row in world.rows("pages"):
        if row["state"] in {"waiting", "sending"}:
            yield f"the page {row['id']} is {row['state']}"
    for row in world.rows("paging_errands"):
        yield f"the errand {row['id']} is left"


def outbox_is_drained(world: World) -> Iterator[str]:
    """All that was to be said is said."""
    for row in world.rows("slack_outbox"):
        if row["state"] in _OPEN or row["state"] == "parked":
            yield f"{row['key']} is {row['state']} {row['reason']}".rstrip()


def engine_is_at_rest(world: World) -> Iterator[str]:
    """No workflow is pending, and none failed."""
    for row in world.workflows:
        if row["status"] != "SUCCESS":
            yield f"the workflow {row['workflow_uuid']} is {row['status']}"


def places_run_what_is_written(world: World) -> Iterator[str]:
    """On each place the version answers that its row names."""
    for row in world.rows("places"):
        place = f"{row['service']}/{row['environment']}"
        if row["version"] != world.running.get(place, ""):
            yield f"{place} runs {world.running.get(place, '')!r} and its row says {row['version']!r}"


def releases_are_out_once(world: World) -> Iterator[str]:
    """Every release that was cut has its tag on its commit, and no two releases share one."""
    cut = [row for row in world.rows("releases") if row["state"] == ReleaseState.CUT]
    for row in cut:
        if world.tags.get(row["tag"]) != row["sha"]:
            yield f"{row['id']} is cut and its tag {row['tag']} is at {world.tags.get(row['tag'])}"
    yield from (
        f"{tag} was cut {times} times" for tag, times in Counter(row["tag"] for row in cut).items() if times > 1
    )


INVARIANTS: tuple[Invariant, ...] = (
    ended_once, nothing_is_open, nothing_lost, nothing_built_twice, nothing_deployed_twice, nothing_posted_twice,
    nothing_paged_twice, cards_tell_the_rows, audit_is_whole, audit_tells_the_rows, no_claim_is_left,
    outbox_is_drained, engine_is_at_rest, places_run_what_is_written, releases_are_out_once,
)  # fmt: skip


def broken(world: World) -> list[str]:
    """Return what is broken, each with the name of what it breaks."""
    return [f"{one.__name__}: {words}" for one in INVARIANTS for words in one(world)]


def _number(row: object) -> int:
    return int(row["id"])  # type: ignore[index]


def _command(invocation: dict[str, str]) -> str:
    command = invocation.get("command") or invocation.get("text", "").strip("/ ")
    return command.split()[0] if command else ""
