"""Killed at each of its writes, before and after: every step is done, every page comes once, and an answer counts."""

import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest

from bot.alerts.rules import State
from bot.store import Tx
from integrations.capabilities.paging import PageAnswer
from tests.paging.rig import PAGING, Rig, up

CHAIN = [{"notify": {"person": "zoe"}}, {"wait": "5m"}, {"notify": {"person": "zoe"}}, {"wait": "5m"}]


class Killed(BaseException):
    """The process ended here."""


class Killer:
    """Ends the process at its n-th write; what is dead writes no more."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at, self.after, self.count, self.dead = 0, False, 0, False
        self._write = rig.store.write
        monkeypatch.setattr(rig.store, "write", self.write)

    def arm(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.count, self.dead = at, after, 0, False

    def disarm(self) -> bool:
        """Let everybody live; tell whether somebody was killed."""
        killed, self.at, self.dead = self.dead, 0, False
        return killed

    @contextlib.asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[Tx]:
        self.count += 1
        now = self.at == self.count
        if self.dead or (now and not self.after):
            self.dead = True
            raise Killed
        async with self._write(urgent=urgent) as tx:
            yield tx
        if now:
            self.dead = True
            raise Killed


async def first_step(rig: Rig, _ident: str) -> None:
    await rig.look()


async def second_step(rig: Rig, ident: str) -> None:
    due = (await rig.latest(ident)).due_at
    if len(rig.phones.taken) == 1 and due is not None:
        rig.clock.ahead += due - rig.clock.now()
    await rig.look()


async def answer(rig: Rig, ident: str) -> None:
    if (await rig.latest(ident)).running:
        page = rig.phones.taken[-1].page.id
        await rig.answer(PageAnswer(address="zoe-topic", page=page, acknowledged=True))
    await rig.look()


SCENES = (first_step, second_step, answer)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("deadly", SCENES, ids=lambda scene: scene.__name__)
async def test_killed_at_each_write(tmp_path, monkeypatch, deadly, after):
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": CHAIN}}) as rig:
        killer = Killer(rig, monkeypatch)
        for at in itertools.count(1):
            rig.phones.taken.clear()
            await rig.fires(rig.alert("a", alertname=f"Alert{at}"))
            ident, killed = f"A-{at}", False
            for scene in SCENES:
                killer.arm(at if scene is deadly else 0, after=after)
                with contextlib.suppress(Killed):
                    await scene(rig, ident)
                await rig.paging.sending.idle()
                if killer.disarm():
                    killed = True
                    await rig.restart(f"process {at}")
                    await scene(rig, ident)
            assert len(rig.phones.ids()) == len(set(rig.phones.ids())) == 2, f"killed at write {at}"
            assert (await rig.group_row(ident)).state is State.ACKNOWLEDGED
            assert not (await rig.latest(ident)).running
            await rig.look(minutes=20)
            assert len(rig.phones.ids()) == 2, "nothing pages after that"
            if not killed:
                break
        assert at > 2, "somebody was killed"
