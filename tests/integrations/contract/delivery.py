"""The contract of DeliveryBoard."""

from collections.abc import Sequence
from typing import Protocol

import pytest

from integrations.capabilities.delivery import Delivered, DeliveryBoard, DeliveryNote
from integrations.capabilities.git import Check, CheckState
from integrations.errors import Refused

PROJECT = "shop"
UNKNOWN = "0123456789" * 4


class Board(Protocol):
    """What the suite needs: the board, a commit that is the head of main, and what people see at the host."""

    board: DeliveryBoard
    sha: str

    async def entries(self) -> Sequence[tuple[str, str, Delivered]]:
        """Return (environment, sha, state) of each deployment shown, oldest first."""
        ...

    async def checks(self) -> Sequence[Check]:
        """Return the checks of the commit."""
        ...


class DeliveryBoardContract:
    """Derive from it and override `world`."""

    @pytest.fixture
    def world(self) -> Board:
        raise NotImplementedError

    def note(self, world: Board, state: Delivered, deployment: str = "D-1042", **about: str) -> DeliveryNote:
        return DeliveryNote(
            deployment=deployment,
            project=PROJECT,
            environment=about.get("environment", "staging"),
            sha=about.get("sha", world.sha),
            ref="main",
            state=state,
        )

    async def test_is_a_delivery_board(self, world):
        assert isinstance(world.board, DeliveryBoard)

    @pytest.mark.parametrize("end", [Delivered.SUCCEEDED, Delivered.FAILED, Delivered.CANCELLED])
    async def test_a_deployment_is_one_entry_from_its_beginning_to_its_end(self, world, end):
        for state in (Delivered.RUNNING, Delivered.RUNNING, end, end):
            await world.board.show_deployment(self.note(world, state))
        assert await world.entries() == [("staging", world.sha, end)]

    async def test_an_entry_that_is_final_stays_as_it_is(self, world):
        for state in (Delivered.RUNNING, Delivered.SUCCEEDED, Delivered.FAILED, Delivered.RUNNING):
            await world.board.show_deployment(self.note(world, state))
        assert await world.entries() == [("staging", world.sha, Delivered.SUCCEEDED)]

    async def test_another_deployment_is_another_entry_also_of_the_same_commit(self, world):
        for deployment in ("D-1", "D-2"):
            for state in (Delivered.RUNNING, Delivered.SUCCEEDED):
                await world.board.show_deployment(self.note(world, state, deployment))
        await world.board.show_deployment(self.note(world, Delivered.RUNNING, "D-3", environment="production"))
        staging = ("staging", world.sha, Delivered.SUCCEEDED)
        assert await world.entries() == [staging, staging, ("production", world.sha, Delivered.RUNNING)]

    async def test_an_unknown_commit_is_refused(self, world):
        with pytest.raises(Refused):
            await world.board.show_deployment(self.note(world, Delivered.RUNNING, sha=UNKNOWN))

    async def test_how_a_commit_fares_is_said_and_said_again(self, world):
        url = "https://shipmate.example.org/D-1042"
        for state in (CheckState.PENDING, CheckState.PENDING, CheckState.PASSED, CheckState.PASSED):
            await world.board.set_check(PROJECT, world.sha, "shipmate/staging", state, "D-1042", url)
        await world.board.set_check(PROJECT, world.sha, "shipmate/production", CheckState.FAILED)
        assert {
            Check(name="shipmate/staging", state=CheckState.PASSED, url=url),
            Check(name="shipmate/production", state=CheckState.FAILED),
        } == set(await world.checks())
