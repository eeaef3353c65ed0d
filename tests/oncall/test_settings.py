"""Mistakes in schedules are told with their place, and what is right is read."""

from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import SettingsError, load
from tests.deployments.rig import CONFIG

LAYER: dict[str, Any] = {"people": ["mia"], "from": "2026-01-05"}


def read(folder: Path, schedule: Any, **service: Any) -> Any:
    checkout = {**CONFIG["services"]["checkout"], **service}
    config = {**CONFIG, "services": {"checkout": checkout}, "oncall": {"schedules": {"primary": schedule}}}
    path = folder / "shipmate.yaml"
    path.write_text(yaml.safe_dump(config))
    return load(path, {}).oncall.schedules["primary"]


@pytest.mark.parametrize(
    ("schedule", "service", "place", "said"),
    [
        ({}, {}, "oncall.schedules.primary", "nobody is ever on call"),
        ({"layers": [{**LAYER, "people": ["mai"]}]}, {}, "layers[0].people[0]", "mai is no person"),
        ({"layers": [{**LAYER, "people": [["mia", "tmo"]]}]}, {}, "layers[0].people[0][1]", "tmo is no person"),
        ({"layers": [{**LAYER, "every": "90m"}]}, {}, "layers[0].every", "whole hours"),
        ({"layers": [{**LAYER, "handover": "25:00"}]}, {}, "layers[0].handover", "a time of day was expected"),
        ({"layers": [{**LAYER, "until": "2026-01-05"}]}, {}, "layers[0]", "until is not after from"),
        ({"layers": [LAYER], "timezone": "Mars/Base"}, {}, "timezone", "a time zone was expected"),
        ({"calendars": [{"name": "a"}]}, {}, "calendars[0]", "a url or a file"),
        ({"calendars": [{"name": "a", "url": "ftp://x"}]}, {}, "calendars[0]", "begins with https://"),
        ({"layers": [LAYER], "follow": {}}, {}, "follow", "topic needs channel"),
        ({"layers": [LAYER], "follow": {"topic": "never"}}, {}, "follow", "nothing follows"),
        ({"layers": [LAYER], "follow": {"usergroup": "@oncall"}}, {}, "follow.usergroup", "S"),
        ({"layers": [LAYER], "follow": {"topic": "maybe"}}, {}, "follow.topic", "instead"),
        ({"layers": [LAYER]}, {"oncall": "primry"}, "services.checkout.oncall", "primry is no schedule"),
    ],
)
def test_tells_each_mistake_with_its_place(
    tmp_path: Path, schedule: Any, service: dict[str, Any], place: str, said: str
):
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, schedule, **service)
    assert any(place in one.path and said in one.message for one in caught.value.mistakes), caught.value.mistakes


def test_reads_times_of_day_in_every_way_yaml_may_hand_them(tmp_path: Path):
    (one,) = read(tmp_path, {"layers": [{**LAYER, "handover": 22 * 60}]}).layers  # 22:00 without quotes
    (other,) = read(tmp_path, {"layers": [{**LAYER, "handover": "9:30"}]}).layers
    assert (one.handover, other.handover) == (time(22), time(9, 30))
    assert one.people == (("mia",),)


def test_a_user_group_follows_one_schedule(tmp_path: Path):
    one = {"layers": [LAYER], "follow": {"usergroup": "S0ONCALL", "topic": "never"}}
    config = {**CONFIG, "oncall": {"schedules": {"primary": one, "second": one}}}
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert [(one.path, one.message) for one in caught.value.mistakes] == [
        ("oncall.schedules.second.follow.usergroup", "S0ONCALL follows primary already")
    ]
