"""A bot that kills itself at each step of being asked again: `python -m tests.approvals.child FOLDER`.

Main moves after it was asked for, so the first approval is void and the second one counts. Each life goes on where the
one before it was killed.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from bot.approvals import records as approvals
from bot.deployments import records
from bot.deployments.rules import State
from tests.approvals.conftest import quick, settle
from tests.deployments.child import kill_once_at_each
from tests.deployments.disk import Disk
from tests.deployments.rig import ANA, MIA, RAJ, Rig, up

WATCHED = "D-1001"


async def main(folder: Path) -> None:
    """Ask, or go on asking."""
    async with up(folder, config=quick()) as rig:
        settle(rig)
        for name in ("builds", "deploys"):
            rig.toolbox.add(Disk(name, folder / f"{name}.log"))
        if (folder / "moved").exists():
            push(rig)
        await rig.deployments.reconcile()
        await drive(rig, folder)


def push(rig: Rig) -> None:
    """Commit to main; the same commit in each life."""
    head = rig.git.branch_of("checkout", "main")
    rig.git.branch("checkout", "main", rig.git.commit("checkout", "Newer", files={"version": b"9"}, parents=(head,)))


async def drive(rig: Rig, folder: Path) -> None:
    """Approve what is asked until it has ended, and say how."""
    async with rig.store.read() as conn:
        begun = await records.of_request(conn, "wish")
    ident = begun.id if begun is not None else ""
    if not ident:
        ident = (await rig.run(MIA, "deploy checkout@main to production", request_id="wish")).subject
    ends = (State.SUCCEEDED, State.VOID, State.REFUSED, State.FAILED, State.EXPIRED)
    while True:
        at = await rig.reaches(ident, State.AWAITING_APPROVAL, *ends)
        if at.state is not State.AWAITING_APPROVAL:
            break
        if not (folder / "moved").exists():
            (folder / "killed.log").rename(folder / "killed-before.log")  # and once more at each step after it
            (folder / "moved").touch()
            push(rig)
        who = ANA if at.generation == 1 else RAJ
        await rig.run(who, command="approve", deployment=ident, plan=at.plan_digest)
    async with rig.store.read() as conn:
        asked = [await approvals.get(conn, f"{ident}/{number}") for number in (1, 2, 3)]
    entries = [entry.action for entry in await rig.audit.recent(subject=ident, limit=500)]
    said = {
        "state": at.state.value,
        "generation": at.generation,
        "approvals": [one.state.value for one in asked if one is not None],
        "posts": [key for key, _ in await rig.said("post") if f"{ident}/ask/" in key],
        "told": [key for key, _ in await rig.said("direct") if ANA.user in key],
        "asked_again": entries.count("deployment.asked_again"),
        "audit": (await rig.audit.verify()).ok,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def live(folder: Path) -> int:
    """Live again after each kill; return the exit status of the last life."""
    while True:
        child = os.fork()
        if child == 0:
            kill_once_at_each(folder, {WATCHED})
            asyncio.run(main(folder))
            return 0
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(live(Path(sys.argv[1])))
