"""A bot that kills itself at each step of what people wait for: `python -m tests.alerts.child FOLDER`.

Somebody acknowledges and does not answer, then it is silenced until it recovers, and recovers. Each life goes on where
the one before it was killed; the source and the time go on beside it, in files.
"""

import asyncio
import json
import os
import pickle
import signal
import sys
from datetime import timedelta
from pathlib import Path

from bot.alerts import silence_records, workflow
from bot.alerts.rules import State
from bot.audit import Search
from integrations.capabilities.alerts import Silence
from tests.alerts.rig import Rig, up
from tests.deployments.child import kill_once_at_each
from tests.deployments.rig import MIA
from tests.fakes.alerts import FakeAlerts

STEPS = frozenset(
    (
        "alert.attend",
        "alert.silence",
        "alert.silenced",
        "alert.silence_end",
        "alert.silence_ended",
    )
)


class LastingAlerts(FakeAlerts):
    """The source in a file: it lives on while the bot is killed."""

    def __init__(self, file: Path) -> None:
        super().__init__("am", group_by=("alertname", "service"))
        self.file = file
        if file.exists():
            self.alerts, self.kept = pickle.loads(file.read_bytes())  # noqa: S301 - written by the life before

    def save(self) -> None:
        other = self.file.with_suffix(".new")
        other.write_bytes(pickle.dumps((self.alerts, self.kept)))
        other.replace(self.file)

    async def put_silence(self, silence: Silence) -> str:
        ident = await super().put_silence(silence)
        self.save()
        return ident

    async def end_silence(self, silence_id: str) -> None:
        await super().end_silence(silence_id)
        self.save()


async def main(folder: Path) -> None:
    """Live on from where the life before was killed, and say how it ended."""
    async with up(folder) as rig:
        source = rig.source = LastingAlerts(folder / "source")
        rig.toolbox.add(source)
        later = folder / "ahead"
        rig.clock.ahead = timedelta(minutes=int(later.read_text()) if later.exists() else 0)
        source.now = rig.clock.now()

        async def pass_by(minutes: int) -> None:
            later.write_text(str(minutes))
            rig.clock.ahead = timedelta(minutes=minutes)
            source.now = rig.clock.now()
            await rig.move_on()

        await drive(rig, source, pass_by)
        said = {
            "fell": [one.subject async for one in rig.audit.stream(Search()) if one.action == "alert.fall_back"],
            "ended": [one.subject async for one in rig.audit.stream(Search()) if one.action == "alert.unsilence"],
            "asked": len([key for key, _ in await rig.said("post") if "/attend/" in key]),
            "silences": len(source.kept),
            "audit": (await rig.audit.verify()).ok,
        }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def drive(rig: Rig, source: LastingAlerts, pass_by) -> None:
    """Go through the story; what happened in a life before is not done again."""
    if not await rig.groups():
        source.alerts = [rig.alert("a")]
        source.save()
        assert await rig.post(rig.body(*source.alerts)) == 204
    if not await _done(rig, "alert.acknowledge"):
        await rig.run(MIA, "acknowledge A-1", request_id="ack")
    if not await _done(rig, "alert.fall_back"):
        await pass_by(61)
        await rig.until(lambda: _asked(rig), lambda: _why(rig))
        await pass_by(92)
        await rig.until(lambda: _done(rig, "alert.fall_back"), lambda: _why(rig))
    if not await _done(rig, "alert.silence"):
        await rig.run(MIA, "silence A-1 --until-recovery", request_id="silence")
    if source.alerts:
        await rig.until(lambda: _silence(rig, silence_records.State.ACTIVE), lambda: _why(rig))
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.SILENCED
        source.alerts = []
        source.save()
    await rig.alerts.poller.look()
    await rig.until(lambda: _silence(rig, silence_records.State.ENDED), lambda: _why(rig))
    await rig.until(lambda: _ran_to_its_end(source.file.parent), lambda: _why(rig))
    await rig.alerts.poller.look()


async def _done(rig: Rig, action: str) -> bool:
    return any([one.action == action async for one in rig.audit.stream(Search())])


async def _asked(rig: Rig) -> bool:
    return any("/attend/" in key for key, _ in await rig.said("post"))


async def _silence(rig: Rig, state: silence_records.State) -> bool:
    async with rig.store.read() as conn:
        found = await silence_records.find(conn, "S-1")
    return found is not None and found.state is state


async def _ran_to_its_end(folder: Path) -> bool:
    """Tell whether the last step was come to, in this life or one before: what was killed is taken up again."""
    return "alert.silence_ended" in (folder / "killed.log").read_text()


async def _why(rig: Rig) -> str:
    return str(await rig.groups())


def live(folder: Path) -> int:
    """Live again after each kill; return the exit status of the last life."""
    while True:
        child = os.fork()
        if child == 0:
            kill_once_at_each(folder, {"A-1", "S-1"}, module=workflow, steps=STEPS)
            asyncio.run(main(folder))
            return 0
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(live(Path(sys.argv[1])))
