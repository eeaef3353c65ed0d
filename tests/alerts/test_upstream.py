"""What a service depends on, and its own configuration, as things that change."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.alerts import causes
from bot.alerts.movement import Move, Movement
from bot.app import configured
from bot.catalog import Catalog
from bot.changes import records as changes
from bot.changes.records import Change, Kind
from bot.settings import ServiceSettings, Settings
from integrations.errors import BadReply
from integrations.prometheus import wire
from tests.alerts.rig import up

LABELS = ', "query": "", "labels": 7'
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def depending(settings: Settings, **on: tuple[str, ...]) -> dict[str, ServiceSettings]:
    checkout = settings.services["checkout"]
    return {name: checkout.model_copy(update={"depends_on": names}) for name, names in on.items()}


def change(subject: str, minutes: float, service: str, what: Kind = Kind.DEPLOYED, **data: str) -> Change:
    at = BEGAN - timedelta(minutes=minutes)
    place = {"service": service, "environment": "production"}
    return Change(kind=what, subject=subject, summary=subject, at=at, data=data, **place)  # type: ignore[arg-type]


def ranked(*changed: Change, moved: dict[str, Movement] | None = None) -> list[str]:
    found = causes.ranked(
        changed,
        service="checkout",
        environment="production",
        began=BEGAN,
        within=timedelta(hours=1),
        upstream={"payments": 1, "bank": 2},
        moved=moved,
    )
    return [one.change.subject for one in found]


async def test_steps_are_counted_by_the_shortest_way_and_circles_end(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        services = depending(rig.settings, a=("b", "c"), b=("c", "d"), c=("a",), d=("e",), e=("f",), f=())
        catalog = Catalog(rig.settings.model_copy(update={"services": services}))
        assert catalog.upstream("a") == {"b": 1, "c": 1, "d": 2, "e": 3}
        assert catalog.upstream("f") == catalog.upstream("nothing") == {}


def test_the_service_itself_then_what_is_near_then_what_is_far_and_never_what_is_unrelated():
    told = [change("D-1", 5, "bank"), change("D-2", 5, "payments"), change("D-3", 5, "checkout"), change("D-4", 1, "x")]
    assert ranked(*told) == ["D-3", "D-2", "D-1"]


def test_what_moved_the_signal_comes_before_what_is_closer_and_did_not():
    told = [change("D-1", 2, "checkout"), change("D-2", 30, "payments")]
    assert ranked(*told) == ["D-1", "D-2"]
    moved = {"D-1": Movement(Move.STILL, 1.0, 1.0), "D-2": Movement(Move.TOWARDS, 1.0, 9.0)}
    assert ranked(*told, moved=moved) == ["D-2", "D-1"]


@pytest.mark.parametrize(
    ("back", "ended", "found"),
    [
        (change("D-2", -3, "checkout", kind="rollback", previous_sha="b"), 5, True),
        (change("D-2", -3, "checkout", kind="rollback", previous_sha="c"), 5, False),
        (change("D-2", -3, "payments", kind="rollback", previous_sha="b"), 5, False),
        (change("D-2", -3, "checkout", previous_sha="b"), 5, False),
        (change("D-2", 1, "checkout", kind="rollback", previous_sha="b"), 5, False),
        (change("D-2", -3, "checkout", kind="rollback", previous_sha="b"), 1, False),
        (change("D-2", -3, "checkout", kind="rollback", previous_sha="b"), 40, False),
        (change("D-1", -3, "checkout", Kind.ROLLED_BACK), 5, True),
    ],
    ids=["undone", "another", "elsewhere", "no-roll-back", "before", "after-the-end", "long-before-it", "by-itself"],
)
def test_a_roll_back_confirms_what_it_undid_when_the_alert_then_ends(back, ended, found):
    cause = change("D-1", 8, "checkout", sha="b")
    ends = BEGAN + timedelta(minutes=ended)
    assert (causes.remedied(cause, [cause, back], began=BEGAN, ended=ends) is back) is found


async def test_a_services_new_configuration_is_a_change_once_and_a_new_service_is_none(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        early = rig.clock.now() - timedelta(minutes=1)

        async def told() -> list[tuple[str, str]]:
            found = await changes.since(rig.store, early)
            return [(one.service, one.summary) for one in found if one.kind is Kind.CONFIGURED]

        services = depending(rig.settings, checkout=(), payments=())
        await configured.note(rig.store, rig.clock, services)
        await configured.note(rig.store, rig.clock, services)
        assert await told() == []
        services["checkout"] = services["checkout"].model_copy(update={"depends_on": ("payments",), "title": "Shop"})
        for _ in range(2):
            await configured.note(rig.store, rig.clock, {**services, "bank": services["payments"]})
        assert await told() == [("checkout", "the configuration of checkout changed: depends_on")]
        silent = {**services, "checkout": services["checkout"].model_copy(update={"title": "Till"})}
        await configured.note(rig.store, rig.clock, silent)
        assert len(await told()) == 1


@pytest.mark.parametrize(
    "groups",
    [
        "7",
        '[{"rules": [7]}]',
        *(f'[{{"rules": [{{"type": "alerting", "name": "X"{more}}}]}}]' for more in ("", LABELS)),
    ],
)
def test_rules_of_another_form_are_a_bad_reply(groups):
    with pytest.raises(BadReply):
        wire.rules_of("prom", f'{{"status": "success", "data": {{"groups": {groups}}}}}'.encode(), "X")
