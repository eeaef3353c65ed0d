"""A bot that kills itself at each write of a change of shift: `python -m tests.oncall.child FOLDER`.

Mia is on call until nine, then tom. Each life goes on where the one before it was killed; the time goes on beside it.
With `replica URL NAME` it is one of several on one database instead, which does what lines on its input say.
"""

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.oncall import records, workflow
from bot.slack.outbox import Outbox
from tests.deployments.child import kill_once_at_each
from tests.deployments.rig import MIA, TOM, Clock, person
from tests.oncall.rig import Rig, at, up

STEPS = frozenset(("oncall.look", "oncall.change"))
WRITES = {"note", "channel", f"person {MIA.key}", f"person {TOM.key}"}
"""Within the transaction that tells: the shift is noted, and what is to be said to each."""


def kill_once_after_each_write(folder: Path) -> None:
    """Have this process killed after the first write of a change at which none was killed before."""
    done = folder / "writes.log"

    def die_first(key: str) -> None:
        if done.exists() and key in done.read_text().splitlines():
            return
        with done.open("a") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)

    def killing(run: Callable[..., Awaitable[Any]], name: Callable[..., str]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(run)
        async def one(*args: Any, **more: Any) -> Any:
            result = await run(*args, **more)
            if key := name(*args):
                die_first(key)
            return result

        return one

    def noted(_tx: Any, standing: records.Standing) -> str:
        return "note" if standing.people == (TOM,) else ""

    records.told = killing(records.told, noted)  # type: ignore[assignment]
    Outbox.post = killing(Outbox.post, lambda *_: "channel")  # type: ignore[method-assign, assignment]
    Outbox.direct = killing(Outbox.direct, lambda _self, _tx, _key, who, _message: f"person {who.key}")  # type: ignore[method-assign, assignment]


async def main(folder: Path) -> None:
    """Live on from where the life before was killed, and say how it ended."""
    clock = Clock()
    ahead = folder / "ahead"
    if not ahead.exists():
        ahead.write_text(str((at("2026-01-06 08:00") - clock.now()).total_seconds()))
    clock.ahead = timedelta(seconds=float(ahead.read_text()))
    async with up(folder, clock=clock) as rig:
        if (await rig.standing()).people != (TOM,) and clock.now() < at("2026-01-06 09:00"):
            await rig.on_call(MIA)
            later = clock.ahead + timedelta(hours=1)
            ahead.write_text(str(later.total_seconds()))
            await rig.move_on(hours=1)
        await rig.on_call(TOM)
        await rig.until(lambda: _idle(rig), lambda: _why(rig))
        say(await told(rig))


async def _idle(rig: Rig) -> bool:
    """Tell whether every look that is due was done: another one too many would be seen."""
    return rig.engine is not None and not rig.engine.active


async def _why(rig: Rig) -> str:
    return str(await rig.standing())


async def told(rig: Rig) -> dict[str, Any]:
    """Return all that was told, in this life or one before."""
    standing = await rig.standing()
    return {
        "posts": await rig.posts(),
        "directs": {who.user: len(await rig.directs(who)) for who in (MIA, TOM)},
        "number": standing.number,
        "people": [who.user for who in standing.people],
        "since": standing.since.isoformat() if standing.since is not None else "",
    }


def say(what: Any) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def replica(folder: Path, url: str, name: str) -> None:
    """Be one of several: do what each line says, and answer it with a line."""
    clock = Clock()
    clock.ahead = at("2026-01-05 12:00") - clock.now()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with up(folder, clock=clock, url=url) as rig:
        say("ready")
        while line := (await reader.readline()).decode().strip():
            say(await _DEEDS[line.split()[0]](rig, name, *line.split()[1:]))


async def _until(rig: Rig, *people: str) -> Any:
    await rig.on_call(*map(person, people))
    return await told(rig)


async def _clock(rig: Rig, _name: str, day: str, hour: str, *people: str) -> Any:
    await rig.set_clock(at(f"{day} {hour}"))
    await rig.oncall.changes.begin()  # each has it looked at, as after a restart of both
    return await _until(rig, *people)


async def _take(rig: Rig, name: str, *people: str) -> Any:
    replies = await asyncio.gather(
        *(rig.run(person(one), "oncall take primary --for 2h", request_id=f"{name}-{one}") for one in people)
    )
    return [reply.subject for reply in replies]


async def _wait(rig: Rig, _name: str, *people: str) -> Any:
    return await _until(rig, *people)


_DEEDS: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {"clock": _clock, "take": _take, "wait": _wait}


def live(folder: Path) -> int:
    """Live again after each kill; return the exit status of the last life."""
    while True:
        child = os.fork()
        if child == 0:
            kill_once_at_each(folder, {"primary"}, module=workflow, steps=STEPS)
            kill_once_after_each_write(folder)
            asyncio.run(main(folder))
            return 0
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    if sys.argv[1] == "replica":
        asyncio.run(replica(Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
        sys.exit(0)
    sys.exit(live(Path(sys.argv[1])))
