"""Mistakes in the configuration of signing in are told before anybody meets them."""

import pytest
import yaml
from pydantic import ValidationError

from bot.amendments.policy import applied, policy_of
from bot.amendments.rules import compare
from bot.settings import Settings, SettingsError, load
from bot.settings.identity import IdentitySettings
from tests.deployments.rig import CONFIG
from tests.identity.conftest import configuration

GOOD = {"issuer": "https://id.example.org", "client_id": "shipmate"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"issuer": "http://id.example.org"}, "https"),
        ({"issuer": "https://id.example.org/?tenant=1"}, "without query"),
        ({"issuer": "id.example.org"}, "pattern"),
        ({"client_id": ""}, "client_id"),
        ({"issuer": ""}, "issuer"),
        ({"terminal_client_id": "shipmate"}, "client of its own"),
        ({"required_for": ["sometimes"]}, "production_like"),
        ({"max_age": 300}, "unit"),
        ({"scopes": ["two words"]}, "pattern"),
        ({"isuer": "x"}, "Extra"),
    ],
    ids=str,
)
def test_values_that_make_no_sense(changed, says):
    with pytest.raises(ValidationError, match=says):
        IdentitySettings.model_validate({**GOOD, **changed})


def test_this_machine_may_be_the_provider_without_encryption():
    for issuer in ("http://127.0.0.1:1", "http://localhost:1", "https://id.example.org/realm"):
        assert IdentitySettings.model_validate({**GOOD, "issuer": issuer}).issuer == issuer


def _mistakes(tmp_path, config):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    return str(caught.value)


def test_pages_that_no_browser_could_reach(tmp_path):
    (tmp_path / "secret").write_text("s")
    config = configuration(tmp_path / "secret", "https://id.example.org")
    del config["server"]
    assert "server.public_url" in _mistakes(tmp_path, config)


def test_rules_that_need_a_provider_where_there_is_none(tmp_path):
    production = {**CONFIG["services"]["checkout"]["environments"][1], "identity": "required"}
    staging = CONFIG["services"]["checkout"]["environments"][0]
    service = {**CONFIG["services"]["checkout"], "environments": [staging, production]}
    config = {**CONFIG, "services": {"checkout": service}, "groups": {**CONFIG["groups"], "told": {"claim": "x"}}}
    told = _mistakes(tmp_path, config)
    assert "a sign-in needs identity.issuer" in told
    assert "a claim needs identity.issuer" in told


def test_another_provider_needs_a_second_person_and_a_further_need_does_not():
    def of(**identity):
        return Settings.model_validate({"server": {"public_url": "https://x"}, "identity": {**GOOD, **identity}})

    before = of(required_for=["irreversible"], client_secret="a secret of some length")
    after = of(required_for=["irreversible", "forced"])
    found = compare(policy_of(before), policy_of(after))
    assert not found.widening
    assert found.changes
    for wider in (of(), of(required_for=["irreversible"], issuer="https://evil.example"), of(max_age="9h")):
        found = compare(policy_of(before), policy_of(wider))
        assert found.widening
        assert applied(wider, found.kept).identity.required_for == ("irreversible",)
        assert applied(wider, found.kept).identity.issuer == GOOD["issuer"]
    assert "secret of some length" not in str(policy_of(before))
    assert compare(policy_of(Settings()), policy_of(before)).widening
