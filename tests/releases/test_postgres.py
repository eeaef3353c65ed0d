"""Releases on PostgreSQL, where transactions truly run at the same time: one version each."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.releases.rules import State
from bot.reply import Reply
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE
from tests.releases.rig import UAT, Rig, up


@pytest.fixture
async def rig(postgres_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, url=postgres_url, config=UAT) as made:
        yield made


async def test_racing_cuts_have_one_winner_for_each_version(rig: Rig):
    rig.change("feat: pay by card")
    for number, version in enumerate(("1.5.0", "1.6.0"), 1):
        cuts = [rig.run(who, f"release cut checkout --version {version} --yes") for who in (MIA, TOM, ANA, RAJ)]
        done = await asyncio.gather(*cuts, return_exceptions=True)
        (winner,) = [one for one in done if isinstance(one, Reply)]
        assert [one.code for one in done if isinstance(one, UserError)] == ["version_taken"] * 3
        release = await rig.gets(winner.subject, State.CUT)
        assert release.version == version
        assert rig.host.made[-2:] == [f"tag v{version}", f"release v{version}"]
        assert len(rig.host.made) == 2 * number
    await rig.ships("deploy checkout@1.6.0 to staging")
    done = await asyncio.gather(*(rig.run(ZOE, "signoff checkout@1.6.0") for _ in range(4)), return_exceptions=True)
    assert not [one for one in done if isinstance(one, BaseException)]
    await rig.ships("promote checkout to production --yes")
    assert (await rig.audit.verify()).ok
