"""Freezes that follow trouble: while an alert fires on a service, nothing is put there; when it is over, it goes on."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from bot.alerts.rules import State as Alerting
from bot.deployments.rules import State
from bot.freezes.budgets import Spent
from bot.freezes.rules import Freeze
from bot.freezes.troubles import Trouble, caught, frozen_by
from bot.settings import SettingsError, load
from bot.settings.freezes import During
from tests.alerts.rig import Rig, up
from tests.deployments.rig import CONFIG, MIA, words

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FREEZE: dict[str, Any] = {
    "name": "trouble",
    "reason": "something is wrong with it",
    "environments": ["*"],
    "during": {"alerts": ['severity="critical"']},
    "exceptions": ["owners"],
}
DEPLOY = "deploy checkout@v1.4.1 to staging"


def trouble(**values: Any) -> Trouble:
    usual = {"name": "A-1", "title": "HighErrorRate", "service": "checkout", "environment": "production"}
    return Trouble(**{**usual, "labels": {"severity": "critical"}, "since": NOON, **values})


def rule(**values: Any) -> Freeze:
    return replace(Freeze(name="trouble", reason="wrong", calendar=Spent(None)), **values)


@pytest.mark.parametrize(
    ("freeze", "place", "frozen"),
    [
        ({"environments": ("*",)}, ("checkout", "production"), (("checkout",), ("production",), False)),
        ({"environments": ("staging",)}, ("checkout", "production"), None),
        ({"production_like": True}, ("checkout", "production"), (("checkout",), ("production",), False)),
        ({"production_like": True}, ("checkout", "staging"), None),
        ({"production_like": True}, ("checkout", ""), (("checkout",), (), True)),
        ({"environments": ("*",), "services": ("search",)}, ("checkout", "production"), None),
    ],
)
def test_it_freezes_its_own_place(freeze: Mapping[str, Any], place: tuple[str, str], frozen: object):
    service, environment = place
    found = frozen_by(
        rule(**freeze), trouble(service=service, environment=environment), production_like=environment == "production"
    )
    assert (found and (found.services, found.environments, found.production_like)) == frozen
    assert found is None or found.reason == "wrong (A-1 HighErrorRate)"


def test_what_has_no_service_or_other_labels_freezes_nothing():
    during = During(alerts=('severity="critical"', "team!=data"))
    assert not caught(during, [trouble(service="")])
    assert not caught(during, [trouble(labels={"severity": "warning"})])
    assert not caught(during, [trouble(labels={"severity": "critical", "team": "data"})])
    assert caught(during, [trouble()])


async def fire(rig: Rig) -> None:
    await rig.notify(rig.alert("a", environment="staging"))
    await rig.stands(Alerting.FIRING)


async def test_on_the_road(tmp_path: Path):
    """Fires: refused by name, waited for, told once; rollbacks pass; over: what waited goes on."""
    async with up(tmp_path, freezes=[FREEZE]) as rig:
        rig.history()
        assert "not frozen by trouble: alerts with" in words(await rig.run(MIA, "calendar"))
        await fire(rig)
        refused = await rig.refused(MIA, DEPLOY)
        assert refused.code == "frozen"
        assert "something is wrong with it (A-1 HighErrorRate" in str(refused.text)
        assert "until A-1 is over" in str(refused.text)
        waiting = (await rig.run(MIA, f"{DEPLOY} --queue")).subject
        await rig.reaches(waiting, State.QUEUED)
        await asyncio.gather(*(rig.freezes.following.look() for _ in range(4)))
        assert "*frozen now* until A-1 is over" in words(await rig.run(MIA, "calendar"))
        await rig.run(MIA, "resolve A-1")
        await asyncio.gather(*(rig.freezes.following.look() for _ in range(4)))
        await rig.reaches(waiting, State.SUCCEEDED)
        told = [message.summary for key, message in await rig.said("post") if "freeze/trouble" in key]
        assert told == [
            "checkout staging is frozen by trouble until A-1 is over",
            "checkout staging is no longer frozen by trouble",
        ]
        entries = [one.outcome for one in await rig.audit.recent() if one.action == "freeze.trouble"]
        assert entries == ["open", "frozen"]


async def test_an_alert_of_another_environment_freezes_nothing(tmp_path: Path):
    async with up(tmp_path, freezes=[{**FREEZE, "environments": ["production"]}]) as rig:
        rig.history()
        await fire(rig)
        await rig.run(MIA, DEPLOY)


async def test_what_is_kept_quiet_freezes_nothing(tmp_path: Path):
    async with up(tmp_path, freezes=[FREEZE]) as rig:
        rig.history()
        await fire(rig)
        await rig.run(MIA, "silence A-1 --for 1h")
        await rig.stands(Alerting.SILENCED)
        await rig.run(MIA, DEPLOY)


async def test_it_is_frozen_after_a_restart_and_told_once(tmp_path: Path, database_url: str):
    async with up(tmp_path, url=database_url, freezes=[FREEZE]) as rig:
        await fire(rig)
        await rig.freezes.following.look()
    async with up(tmp_path, url=database_url, freezes=[FREEZE]) as again:
        again.history()
        await again.freezes.following.look()
        assert (await again.refused(MIA, DEPLOY)).code == "frozen"
        assert len([key for key, _ in await again.said("post") if "freeze/trouble" in key]) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"during": {"alerts": ["severity=~'('"]}}, "regular expression"),
        ({"during": {"alerts": []}}, "at least one"),
        ({"every": "0 0 * * *", "for": "1h"}, "cannot stand beside during"),
        ({"burn": {"with": "metrics", "query": "x", "above": 1}}, "cannot stand beside burn"),
    ],
)
def test_mistakes(tmp_path: Path, change: dict[str, Any], said: str):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "freezes": [{**FREEZE, **change}]}), encoding="utf-8")
    with pytest.raises(SettingsError) as found:
        load(path, {})
    assert said in str(found.value)
