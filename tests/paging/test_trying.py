"""`/oncall test`: each way of a person is tried, and what it told is reported without its address."""

from datetime import timedelta

import pytest

from integrations.capabilities.paging import Way
from integrations.errors import OutcomeUnknown, Refused
from tests.paging.rig import MIA, RAJ, Rig, read


@pytest.fixture(autouse=True)
def hurried(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let seconds pass a hundred times as fast where waiting is counted."""
    rig.world.add(rig.paging)
    monotonic = rig.clock.monotonic
    monkeypatch.setattr(rig.clock, "monotonic", lambda: monotonic() * 100)


async def test_each_way_reports_what_it_told(rig: Rig):
    told = read(await rig.run(RAJ, "oncall test"))
    assert "0 of 1 ways took it" in told
    assert "Slack is the only way" in told

    def fails(way: Way, _to: str) -> None:
        if way is Way.PUSH:
            raise Refused("phones", "there is no topic mia-topic")

    rig.phones.fails = fails
    told = read(await rig.run(MIA, "oncall test"))
    assert "Test page to @mia: 1 of 3 ways took it" in told
    assert "failed: there is no topic ***" in told
    assert "delivered" in told
    assert "Slack does not answer" in told
    [taken] = rig.phones.taken
    assert (taken.way, taken.page.title) == (Way.CALL, "Test page")
    assert await rig.page_rows() == [], "nothing follows from it"


async def test_a_test_of_somebody_else_says_who_asked(rig: Rig):
    rig.phones.deaf = True

    def lost(way: Way, _to: str) -> None:
        raise OutcomeUnknown("phones", "lost", request_id="x")

    rig.phones.loses = lost
    told = read(await rig.run(RAJ, "oncall test mia"))
    assert "no answer came: it may have arrived" in told
    assert all("asked for by raj" in one.page.text for one in rig.phones.taken)
    assert rig.phones.taken[0].page.opened_at <= rig.clock.now() + timedelta(seconds=1)
