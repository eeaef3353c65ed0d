"""The judge of histories: it lets a sound one pass, and refuses each that was doctored."""

import copy
import json
from collections.abc import Callable

import pytest

from tests.replicas.history import Event, faults, main


def deployment(number: int, place: str, claimed: float, ended: float, **more: object) -> Event:
    ident = f"D-{number}"
    return {
        "kind": "deployment", "id": ident, "place": place, "state": "succeeded", "request": f"wish-{number}",
        "asked_at": claimed - 1, "claimed_at": claimed, "ended_at": ended, **more,
    }  # fmt: skip


def run(number: int, place: str, fence: int, began: float, ended: float) -> Event:
    return {
        "kind": "run", "request": f"D-{number}/deploy", "what": "deploy", "place": place, "fence": fence,
        "began": began, "ended": ended,
    }  # fmt: skip


def sound() -> list[Event]:
    """Two deployments one after the other on one place, one beside them, and one that was refused."""
    books, music = "books/staging", "music/staging"
    return [
        deployment(1001, books, 10, 20),
        deployment(1002, books, 20, 30),
        deployment(1003, music, 11, 21),
        deployment(1004, music, 0, 13, state="refused"),
        run(1001, books, 1, 12, 15),
        run(1002, books, 2, 22, 25),
        run(1003, music, 1, 12, 18),
        *({"kind": "run", "request": f"D-{n}/build", "what": "build", "place": "", "fence": 0, "began": 1, "ended": 2}
          for n in (1001, 1002)),
        {"kind": "audit", "number": 1, "subject": "D-1001", "action": "deployment.start", "outcome": "done"},
        {"kind": "audit", "number": 6, "subject": "", "action": "deploy", "outcome": "refused"},
        {"kind": "audit", "number": 2, "subject": "D-1004", "action": "deployment.refused", "outcome": "done"},
        {"kind": "audit", "number": 3, "subject": "D-1001", "action": "deployment.succeeded", "outcome": "done"},
        {"kind": "audit", "number": 4, "subject": "D-1002", "action": "deployment.succeeded", "outcome": "done"},
        {"kind": "audit", "number": 5, "subject": "D-1003", "action": "deployment.succeeded", "outcome": "done"},
        {"kind": "delivery", "id": "wish-1001", "state": "done", "attempts": 2},
        {"kind": "message", "key": "card/D-1001", "channel": "C1", "ts": "1", "text": "D-1001", "ephemeral": False},
        {"kind": "message", "key": "card/D-1002", "channel": "C1", "ts": "2", "text": "D-1002", "ephemeral": False},
        {"kind": "message", "key": "", "channel": "C1", "ts": "3", "text": "hello", "ephemeral": False},
        {"kind": "message", "key": "", "channel": "C1", "ts": "4", "text": "hello", "ephemeral": True},
        {"kind": "place", "place": books, "holder": "", "runs": "1.4.2", "version": "1.4.2"},
        {"kind": "wish", "sent": 6, "acknowledged": 5},
    ]  # fmt: skip


def the(record: list[Event], kind: str, **fields: object) -> Event:
    (found,) = [one for one in record if one["kind"] == kind and fields.items() <= one.items()]
    return found


DOCTORED: dict[str, tuple[Callable[[list[Event]], object], str]] = {
    "two hold a place": (
        lambda it: the(it, "deployment", id="D-1002").update(claimed_at=19.0),
        "books/staging was claimed by D-1002 while D-1001 had it",
    ),
    "a stale one acts": (
        lambda it: the(it, "run", request="D-1002/deploy").update(fence=1),
        "D-1002/deploy came with fence 1 after 1",
    ),
    "two are put there at once": (
        lambda it: the(it, "run", request="D-1001/deploy").update(ended=23),
        "D-1002/deploy began before D-1001/deploy had ended",
    ),
    "done after the claim": (
        lambda it: the(it, "run", request="D-1003/deploy").update(ended=22),
        "D-1003 was deployed outside of its claim",
    ),
    "done before the claim": (
        lambda it: the(it, "run", request="D-1003/deploy").update(began=10),
        "D-1003 was deployed outside of its claim",
    ),
    "said to be done and not done": (
        lambda it: it.remove(the(it, "run", request="D-1003/deploy")),
        "D-1003 succeeded, and nothing was deployed",
    ),
    "built twice": (
        lambda it: it.append(dict(the(it, "run", request="D-1001/build"))),
        "build D-1001/build was done 2 times",
    ),
    "never ended": (
        lambda it: the(it, "deployment", id="D-1003").update(state="deploying", ended_at=0.0),
        "D-1003 never ended: deploying",
    ),
    "ended twice": (
        lambda it: it.append({**the(it, "audit", number=3), "number": 7, "action": "deployment.failed"}),
        "D-1001 is succeeded, and the audit log has it end as ['succeeded', 'failed']",
    ),
    "ended as another": (
        lambda it: the(it, "audit", number=5).update(action="deployment.failed"),
        "D-1003 is succeeded, and the audit log has it end as ['failed']",
    ),
    "an entry is lost": (
        lambda it: the(it, "audit", number=5).update(number=7),
        "the audit log has gaps or repeats",
    ),
    "a wish is deployed twice": (
        lambda it: the(it, "deployment", id="D-1003").update(request="wish-1001"),
        "the wish wish-1001 made 2 deployments",
    ),
    "an acknowledged wish is lost": (
        lambda it: the(it, "wish").update(acknowledged=6),
        "6 wishes were acknowledged of 6; 4 deployments were made and 1 refused",
    ),
    "a deployment nobody asked for": (
        lambda it: the(it, "wish").update(sent=4, acknowledged=4),
        "4 wishes were acknowledged of 4; 4 deployments were made and 1 refused",
    ),
    "a wish hangs": (
        lambda it: the(it, "delivery").update(state="received"),
        "the wish wish-1001 never ended: received",
    ),
    "said twice": (
        lambda it: it.append({**the(it, "message", ts="1"), "ts": "9"}),
        "card/D-1001 was posted 2 times",
    ),
    "a place is left held": (
        lambda it: the(it, "place").update(holder="D-1002"),
        "books/staging is still held by D-1002",
    ),
    "another version runs": (
        lambda it: the(it, "place").update(runs="1.4.1"),
        "books/staging runs '1.4.1', and the store believes '1.4.2'",
    ),
}  # fmt: skip


def test_a_sound_history_passes(tmp_path, capsys):
    assert faults(sound()) == []
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in sound()))
    assert main(str(file)) == 0
    assert "4 deployments" in capsys.readouterr().out


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_history_is_refused(name, tmp_path):
    doctor, fault = DOCTORED[name]
    record = copy.deepcopy(sound())
    doctor(record)
    found = faults(record)
    assert any(fault in one for one in found), found
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in record))
    assert main(str(file)) == 1
