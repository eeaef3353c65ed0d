"""Settings of `local`: a mistake names the value, the rule and what to do."""

import pytest
from pydantic import ValidationError

from integrations.local.settings import LocalSettings

PLACE = {"port": 8081, "command": ["serve", "{port}"]}


def test_a_whole_example_is_good():
    settings = LocalSettings.model_validate(
        {
            "root": "/srv/git",
            "builds": {"checkout": {}, "web": {"command": ["make"], "env": {"TOKEN": "abcd"}}},
            "deploys": {"web-production": {"command": ["./deploy.sh"]}},
            "places": {"checkout/staging": PLACE},
            "secrets": ["hunter22"],
            "mask": [r"token=(\S+)"],
        }
    )
    assert settings.places["checkout/staging"].health == "/healthz"
    assert "abcd" not in repr(settings)
    assert "hunter22" not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "give `root`"),
        ({"root": "/g", "rot": 1}, "rot"),
        ({"root": "/g", "builds": {"../x": {}}}, "is not a name"),
        ({"root": "/g", "builds": {"x": {"command": []}}}, "at least 1"),
        ({"root": "/g", "builds": {"x": {"command": "make dist"}}}, "valid list"),
        ({"root": "/g", "builds": {"x": {"timeout": 0}}}, "greater than 0"),
        ({"root": "/g", "builds": {"x": {"env": {"A-B": "c"}}}}, "environment variable"),
        ({"root": "/g", "mask": ["("]}, "not a regular expression"),
        ({"root": "/g", "mask": ["x*"]}, "matches the empty text"),
        ({"root": "/g", "deploys": {"x": {"command": ["a"]}}, "places": {"x": PLACE}}, "not under both"),
        ({"root": "/g", "places": {"x": PLACE, "y": PLACE}}, "both use port 8081"),
        ({"root": "/g", "places": {"x": {**PLACE, "command": ["{prot}"]}}}, "known are artifact, port"),
        ({"root": "/g", "places": {"x": {**PLACE, "command": ["{"]}}}, "cannot be filled in"),
        ({"root": "/g", "places": {"x": {**PLACE, "health": "healthz"}}}, "pattern"),
        ({"root": "/g", "places": {"x": {**PLACE, "port": 0}}}, "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_named(settings, words):
    with pytest.raises(ValidationError) as raised:
        LocalSettings.model_validate(settings)
    assert words in str(raised.value)
