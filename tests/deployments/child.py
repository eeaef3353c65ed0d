"""A bot that kills itself at steps: `python -m tests.deployments.child FOLDER DEPLOYMENT…`.

It is killed once at each step of the named deployments, when the step's body has run and its result is not kept. It
deploys 1.4.0 and then 1.4.1, which is bad, to production, approved, and prints how that ended; each life is a child of
a process that has imported everything and does nothing else, and goes on where the one before it was killed.
"""

import asyncio
import functools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.deployments import records, workflow
from bot.deployments.rules import State
from tests.deployments.disk import Disk
from tests.deployments.rig import ANA, ERRORS, MIA, Rig, up, words
from tests.fakes.metrics import Answer

Body = Callable[..., Coroutine[Any, Any, Any]]


def kill_once_at_each(
    folder: Path, watched: set[str], *, module: ModuleType = workflow, steps: frozenset[str] = frozenset()
) -> None:
    """Have this process killed at the first step of a watched deployment at which none was killed before.

    `module` is the one whose workflows are meant; of its steps all, or those named in `steps`.
    """
    done = folder / "killed.log"
    seen: Counter[str] = Counter()

    def die_first(key: str) -> None:
        if done.exists() and key in done.read_text().splitlines():
            return
        with done.open("a") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)

    def killing(run: Body) -> Body:
        async def one(name: str, body: Body, *args: Any) -> Any:
            seen[f"{args[0]} {name}"] += 1
            key = f"{args[0]} {name} {seen[f'{args[0]} {name}']}"

            @functools.wraps(body)
            async def last(*given: Any) -> Any:
                result = await body(*given)
                if args[0] in watched and (not steps or name in steps):
                    die_first(key)
                return result

            return await run(name, last, *args)

        return one

    for name in ("step", "transact"):
        setattr(module, name, killing(getattr(module, name)))


async def main(folder: Path) -> None:
    """Deploy, or go on deploying."""
    async with up(folder) as rig:
        await drive(rig, folder)


async def drive(rig: Rig, folder: Path) -> None:
    rig.history()
    for name in ("builds", "deploys"):
        rig.toolbox.add(Disk(name, folder / f"{name}.log"))
    rig.metrics.answers[ERRORS.replace("v1.4.2", "v1.4.1")] = [Answer(value=0.5)]
    await rig.deployments.reconcile()
    ended = ""
    for number, (version, to) in enumerate(
        (("v1.4.0", "staging"), ("v1.4.0", "production"), ("v1.4.1", "staging"), ("v1.4.1", "production"))
    ):
        async with rig.store.read() as conn:
            begun = await records.of_request(conn, f"wish-{number}")
        if begun is None:
            await rig.run(MIA, f"deploy checkout@{version} to {to}", request_id=f"wish-{number}")
            async with rig.store.read() as conn:
                begun = await records.of_request(conn, f"wish-{number}")
        assert begun is not None
        ends = [state for state in State if state.value in {"succeeded", "failed", "rolled_back", "void", "refused"}]
        at = await rig.reaches(begun.id, State.AWAITING_APPROVAL, *ends)
        if at.state is State.AWAITING_APPROVAL:
            await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
            at = await rig.reaches(at.id, *ends)
        ended = at.id
    last = await rig.get(ended)
    verdict = await rig.audit.verify()
    said = {"state": last.state.value, "card": words(await rig.card(ended)), "audit": verdict.ok}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def live(folder: Path, watched: set[str]) -> int:
    """Live again after each kill; return the exit status of the last life, and write how many there were."""
    lives = 0
    while True:
        lives += 1
        child = os.fork()
        if child == 0:
            kill_once_at_each(folder, watched)
            asyncio.run(main(folder))
            return 0
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            (folder / "lives").write_text(str(lives))
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(live(Path(sys.argv[1]), set(sys.argv[2:])))
