"""Two Shipmates on one database page once; one that dies is followed by the other. The loop looks by itself."""

import asyncio
from datetime import timedelta

import pytest

from bot.audit import Audit
from bot.clock import SystemClock
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.paging.records import PageState
from bot.starter import Starter
from integrations.capabilities.paging import PageAnswer
from tests.deployments.rig import Clock
from tests.paging.rig import PAGING, TOM, Rig, up

CHAIN = [{"notify": {"group": "owners"}}, {"wait": "5m"}, {"notify": {"schedule": "second", "important": True}}]
PAGED = {**PAGING, "chains": {"primary": CHAIN}}


async def both(*rigs: Rig, **later: float) -> None:
    rigs[0].clock.ahead += timedelta(**later)
    for _ in range(3):
        await asyncio.gather(*(rig.paging.look() for rig in rigs))
        await asyncio.gather(*(rig.paging.sending.idle() for rig in rigs))


async def test_of_two_replicas_one_pages(tmp_path, postgres_url):
    (tmp_path / "two").mkdir()
    clock = Clock()
    async with (
        up(tmp_path, url=postgres_url, paging=PAGED, clock=clock) as one,
        up(tmp_path / "two", url=postgres_url, paging=PAGED, name="two", clock=clock) as two,
    ):
        two.toolbox.add(one.phones)
        names = [f"Alert{number}" for number in range(4)]
        await asyncio.gather(*(rig.fires(rig.alert("a", alertname=name)) for name in names for rig in (one, two)))
        await both(one, two)
        assert len(one.phones.taken) == 1, "four alerts, one person, one page"
        await both(one, two, minutes=5)
        assert len(one.phones.ids()) == len(set(one.phones.ids())) == 2
        sent = await one.page_rows(PageState.DELIVERED)
        assert len(sent) == 8


async def test_another_replica_takes_over_once_the_lease_is_over(tmp_path, postgres_url):
    (tmp_path / "two").mkdir()
    clock = Clock()
    async with (
        up(tmp_path, url=postgres_url, paging=PAGED, clock=clock) as one,
        up(tmp_path / "two", url=postgres_url, paging=PAGED, name="two", clock=clock) as two,
    ):
        await one.fires(one.alert("a"))
        one.phones.open.clear()
        await one.paging.look()
        await one.paging.sending.stop()
        await two.look()
        assert two.phones.taken == [], "it is in other hands"
        await two.look(seconds=31)
        assert len(two.phones.taken) == 1


async def test_the_loop_sends_what_is_due_without_being_asked(tmp_path):
    chain = [{"notify": {"person": "zoe"}}, {"wait": "300ms"}, {"notify": {"person": "zoe"}}]
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": chain}}) as rig:
        await rig.paging.begin()
        began = SystemClock().monotonic()
        await rig.fires(rig.alert("a"))

        async def twice() -> bool:
            return len(rig.phones.taken) >= 2

        async def why() -> str:
            return f"{rig.phones.taken} {await rig.page_rows()}"

        await rig.until(twice, why)
        assert SystemClock().monotonic() - began >= 0.3


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_answer_passes_the_same_gate_as_a_button(tmp_path, allowed):
    async with up(tmp_path, paging=PAGED) as rig:
        if not allowed:
            rig.permissions.replace(rig.settings.model_copy(update={"permissions": ()}))
        said: list[str] = []

        async def replied(_tx, _invocation, reply) -> None:
            said.append(reply.code)

        deliveries = Deliveries(rig.store, rig.clock, "one")
        dispatcher = Dispatcher(
            registry=rig.registry,
            permissions=rig.permissions,
            audit=Audit(rig.store, rig.clock),
            deliveries=deliveries,
            store=rig.store,
            world=rig.world,
            clock=rig.clock,
            replier=replied,
        )
        starter = Starter(deliveries, dispatcher, clock=rig.clock)
        await starter.start()
        rig.submit = dispatcher.accept
        await rig.fires(rig.alert("a"))
        await rig.look()
        [page_id] = rig.phones.ids()
        await rig.answer(PageAnswer(address="zoe-topic", page=page_id, acknowledged=True))
        await rig.look()
        await starter.idle()
        await starter.stop()
        assert (await rig.latest()).running is not allowed
        assert said == ([""] if allowed else ["not_allowed"])


async def test_what_is_old_is_forgotten_and_what_goes_on_is_not(tmp_path):
    async with up(tmp_path, paging=PAGED) as rig:
        await rig.fires(rig.alert("a"))
        await rig.look()
        await rig.fires(rig.alert("a", alertname="Other"))
        await rig.run(TOM, "acknowledge A-1")
        rig.clock.ahead += timedelta(days=181)
        await rig.paging.begin()
        await rig.paging.stop()
        assert {one.run_id for one in await rig.page_rows()} <= {"A-2.1"}
        assert (await rig.latest("A-2")).running
