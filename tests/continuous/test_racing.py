"""Pushes, pauses, locks and polls at the same time: the newest commit goes in the end, none goes twice."""

import asyncio
from pathlib import Path

from bot.deployments.rules import State
from tests.continuous.yard import STAGING, Yard, config, open_yard
from tests.deployments.rig import MIA, TOM


async def waits_for_nothing(yard: Yard, newest: str) -> None:
    """Wait until the newest commit was deployed and nothing else is under way."""

    async def so() -> bool:
        await yard.rig.move_on(seconds=1)
        mine = await yard.mine()
        return all(one.ended for one in mine) and any((one.sha, one.state) == (newest, State.SUCCEEDED) for one in mine)

    async def why() -> str:
        return f"{newest}: {await yard.head()} {[(one.sha[:7], one.state) for one in await yard.mine()]}"

    await yard.rig.until(so, why)


async def test_everything_at_once(tmp_path: Path, database_url: str):
    made = config(staging={"on": "push"})
    async with open_yard(tmp_path, made, database_url) as yard:
        shas: list[str] = []

        async def pushes() -> None:
            for _ in range(4):
                shas.append(yard.commit())
                await yard.tell(sha=shas[-1])

        async def people() -> None:
            await yard.rig.run(TOM, "lock checkout staging")
            await yard.rig.run(MIA, "cd pause checkout staging")
            await yard.rig.run(MIA, "cd resume checkout staging")
            await yard.rig.run(TOM, "unlock checkout staging")

        async def polls() -> None:
            for _ in range(4):
                await yard.polling.look(STAGING)

        await asyncio.gather(pushes(), people(), polls(), polls())
        await waits_for_nothing(yard, shas[-1])
        staging = [one for one in await yard.mine() if one.environment == "staging"]
        assert len({one.sha for one in staging}) == len(staging), "each commit went once"
        sent = [request.sha for request in yard.rig.deployed if request.environment == "staging"]
        order = [shas.index(sha) for sha in sent if sha in shas]
        assert order == sorted(order), "never an older one after a newer one"
        assert order[-1] == len(shas) - 1
        assert {one.code for one in staging if one.state is State.CANCELLED} <= {"superseded"}
        assert (await yard.rig.audit.verify()).ok
