"""Twenty people decide one deployment in the same moment: one wins, and nobody's click is lost."""

from pathlib import Path

from tests.approvals.racing import open_arena


async def test_one_winner_and_no_lost_click(tmp_path: Path, database_url: str):
    async with open_arena(tmp_path, database_url) as arena:
        faults = [(await arena.round()).fault for _ in range(5)]
        assert faults == [""] * 5
        assert (await arena.rig.audit.verify()).ok
