"""The contract of Pager."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from integrations.capabilities.paging import Delivery, Page, Pager, Receipt, Way
from integrations.contract import Adapter
from integrations.errors import OutcomeUnknown, Refused

OPENED = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
PAGE = Page(
    id="A-7/step-2/mia/call/1",
    subject="A-7",
    title="checkout: error rate is high",
    text="5 alerts fire in production.",
    spoken="The error rate of checkout is high.",
    url="https://example.slack.com/archives/C1/p1",
    important=True,
    opened_at=OPENED,
)
EVIL = "a <b> & \"c\" 'd' <!here>\r\nBcc: eve@example.org\x00\x07 ü 🔥 ]]> \u2028 end"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where pages of one way go in a test, and what came there: texts with everything of a page in it.

    `wrong` are addresses that are refused. `counts` tells how many pages somebody was bothered with. `askable`: a page
    can be found again. `dedups`: the same page sent twice bothers once.
    """

    pager: Any
    way: Way
    to: str
    wrong: tuple[str, ...]
    arrived: Callable[[], Sequence[str] | Awaitable[Sequence[str]]]
    askable: bool
    dedups: bool


async def arrived(target: Target) -> Sequence[str]:
    """Return what came there."""
    found = target.arrived()
    return await found if inspect.isawaitable(found) else found


class PagingContract:
    """Derive from it and override `target`."""

    @pytest.fixture
    def target(self):
        raise NotImplementedError

    async def test_is_an_adapter_that_answers_and_names_its_ways(self, target):
        assert isinstance(target.pager, Adapter)
        assert isinstance(target.pager, Pager)
        assert target.way in target.pager.ways
        await target.pager.ping()

    async def test_a_page_arrives_with_what_it_says_and_leaves_a_receipt(self, target):
        receipt = await target.pager.page(target.way, target.to, PAGE)
        assert isinstance(receipt, Receipt)
        assert receipt.ref
        assert receipt.delivery in {Delivery.QUEUED, Delivery.DELIVERED}
        (text,) = await arrived(target)
        assert "error rate" in text

    async def test_odd_characters_break_nothing(self, target):
        odd = replace(PAGE, title=EVIL, text=EVIL * 5, spoken=EVIL * 100)
        await target.pager.page(target.way, target.to, odd)
        (text,) = await arrived(target)
        assert "end" in text
        assert "🔥" in text

    async def test_a_page_with_the_least_in_it_arrives(self, target):
        least = Page(id="x", subject="A-1", title="down", text="", opened_at=OPENED)
        await target.pager.page(target.way, target.to, least)
        (text,) = await arrived(target)
        assert "down" in text

    async def test_sent_again_it_bothers_once_where_the_target_can_tell(self, target):
        await target.pager.page(target.way, target.to, PAGE)
        await target.pager.page(target.way, target.to, PAGE)
        assert len(await arrived(target)) == (1 if target.dedups else 2)

    async def test_a_page_is_found_again_where_the_target_can_be_asked(self, target):
        if not target.askable:
            with pytest.raises(OutcomeUnknown) as unknown:
                await target.pager.look_up(target.way, target.to, PAGE.id)
            assert unknown.value.request_id == PAGE.id
            return
        assert await target.pager.look_up(target.way, target.to, PAGE.id) is None
        receipt = await target.pager.page(target.way, target.to, PAGE)
        found = await target.pager.look_up(target.way, target.to, PAGE.id)
        assert found is not None
        assert found.ref == receipt.ref

    async def test_an_address_that_is_none_is_refused_and_not_repeated(self, target):
        for wrong in target.wrong:
            with pytest.raises(Refused) as refused:
                await target.pager.page(target.way, wrong, PAGE)
            assert refused.value.reason
            assert wrong not in str(refused.value)
        assert await arrived(target) == []

    async def test_a_way_it_does_not_have_is_refused(self, target):
        for way in set(Way) - set(target.pager.ways):
            with pytest.raises(Refused):
                await target.pager.page(way, target.to, PAGE)
            with pytest.raises(Refused):
                await target.pager.look_up(way, target.to, PAGE.id)
        assert await arrived(target) == []

    async def test_what_is_settled_may_be_said_again_and_of_what_nobody_knows(self, target):
        await target.pager.settled(target.way, target.to, "A-404", resolved=True)
        await target.pager.page(target.way, target.to, PAGE)
        for resolved in (False, False, True, True):
            await target.pager.settled(target.way, target.to, PAGE.subject, resolved=resolved)
        assert len(await arrived(target)) == 1

    async def test_it_lets_go(self, target):
        await target.pager.close()
        await target.pager.close()
