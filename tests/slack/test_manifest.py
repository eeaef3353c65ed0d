"""The manifest fits the declared commands and the settings; the judge is the workspace that installs it."""

import json

import pytest
import yaml

from bot.errors import BadInput
from bot.registry import Registry
from bot.sandbox import AppConfig, Sandbox
from bot.slack import manifest
from commands.shipmate import help_
from tests.slack.commands import COMMANDS
from tests.slack.office import SETTINGS, settings_for

REGISTRY = Registry((*COMMANDS, help_))


def settings(**slack):
    class Nowhere:
        api_url = "http://127.0.0.1:1/api/"

    return settings_for(Nowhere, **slack)


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_a_workspace_takes_it(mode):
    built = manifest.build(settings(mode=mode, prefix="acme-", aliases=["where", "lock"]), REGISTRY)
    sandbox = Sandbox()
    app = sandbox.platform.apps.install(AppConfig(manifest=json.loads(manifest.as_json(built))))
    assert app.mode == mode
    names = [command.command for command in app.manifest.commands]
    assert names == ["/acme-shipmate", "/acme-deploy", "/acme-where", "/acme-lock"]
    assert app.manifest.home_tab
    assert app.manifest.is_interactive
    if mode == "http":
        assert app.url_for("events_api") == "https://shipmate.example.org/slack/events"
        assert app.url_for("slash_commands", app.manifest.commands[0]) == "https://shipmate.example.org/slack/events"


def test_usage_and_summary_of_a_command_are_shown_as_it_is_typed():
    built = manifest.build(settings(), REGISTRY)
    deploy = next(one for one in built["features"]["slash_commands"] if one["command"] == "/deploy")
    assert deploy["description"] == "Deploy a release of a service to an environment."
    assert deploy["usage_hint"].startswith("<service>[@")


def test_yaml_and_json_say_the_same():
    built = manifest.build(settings(), REGISTRY)
    assert yaml.safe_load(manifest.as_yaml(built)) == json.loads(manifest.as_json(built)) == built


@pytest.mark.parametrize(
    ("slack", "code"),
    [
        ({"aliases": ["search"]}, "reserved_command"),
        ({"aliases": ["nothing"]}, "unknown_alias"),
        ({"aliases": [f"where{n}" for n in range(60)]}, "too_many_commands"),
        ({"prefix": "a-prefix-of-twenty-", "aliases": ["a-command-with-a-long-name"]}, "long_command"),
    ],
)
def test_what_slack_would_refuse_is_refused_here(slack, code):
    with pytest.raises(BadInput) as caught:
        manifest.build(settings(**slack), REGISTRY)
    assert caught.value.code == code


def test_http_mode_needs_an_address():
    told = settings(mode="http")
    without = told.model_copy(update={"server": told.server.model_copy(update={"public_url": ""})})
    with pytest.raises(BadInput, match="public_url"):
        manifest.build(without, REGISTRY)


def test_every_scope_has_a_reason_and_every_subscription_its_scope():
    from bot.sandbox.events import SCOPES  # noqa: PLC0415 - Slack's side of it

    assert all(manifest.SCOPES.values())
    needed = [SCOPES[event] for event in manifest.EVENTS if event in SCOPES]
    assert all(set(any_of) & set(manifest.SCOPES) for any_of in needed)
    assert "services" in SETTINGS
