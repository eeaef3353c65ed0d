"""App manifests: what is read from them and what is refused."""

import pytest

from bot.sandbox import ManifestError
from bot.sandbox.manifest import RESERVED_COMMANDS, read_manifest
from tests.sandbox.manifests import EVENTS, SCOPES, manifest


def commands(*entries):
    made = manifest()
    made["features"]["slash_commands"] = list(entries)
    return made


def command(name, **more):
    return {"command": name, "description": "x", **more}


def test_everything_is_read():
    read = read_manifest(manifest())
    assert (read.name, read.bot_name, read.socket_mode, read.home_tab) == ("Ferry", "ferry", True, True)
    assert [one.command for one in read.commands] == ["/ship", "/who-is"]
    assert [(one.type, one.callback_id) for one in read.shortcuts] == [("global", "ship_it"), ("message", "ship_this")]
    assert read.scopes == frozenset(SCOPES)
    assert read.bot_events == frozenset(EVENTS)


@pytest.mark.parametrize("name", sorted(RESERVED_COMMANDS))
def test_reserved_commands(name):
    with pytest.raises(ManifestError, match=f"{name} is a reserved command name"):
        read_manifest(commands(command(name)))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "missing required field: name [/display_information/name]"),
        ({"display_information": []}, "must be an object [/display_information]"),
        (manifest() | {"nonsense": 1}, "invalid additional property: nonsense [/nonsense]"),
        (commands(command("ship")), "must begin with / "),
        (commands(command("/Ship")), "must begin with / "),
        (commands(command("/a b")), "must begin with / "),
        (commands(command("/" + "x" * 32)), "must be less than 33 characters [/features/slash_commands/0/command]"),
        (commands({"command": "/x"}), "missing required field: description"),
        (commands(command("/x"), command("/x")), "/x is declared twice"),
        (commands(*(command(f"/x{n}") for n in range(51))), "no more than 50 items allowed"),
        (commands("x"), "must be an object [/features/slash_commands/0]"),
        (commands(command("/x", should_escape="yes")), "must be true or false"),
    ],
    ids=["empty", "array", "unknown", "no slash", "capital", "space", "long", "bare", "twice", "many", "text", "flag"],
)
def test_refused(data, problem):
    with pytest.raises(ManifestError) as caught:
        read_manifest(data)
    assert problem in str(caught.value)


def test_every_problem_is_told_at_once():
    with pytest.raises(ManifestError) as caught:
        read_manifest(commands(command("/who"), command("nope"), {"command": "/x"}))
    assert [one["pointer"] for one in caught.value.problems] == [
        "/features/slash_commands/0/command",
        "/features/slash_commands/1/command",
        "/features/slash_commands/2/description",
    ]


async def test_installing_over_the_control_api_answers_with_tokens_or_all_problems(desk):
    refused = await desk.post("apps", 400, manifest=commands(command("/status")))
    assert refused["error"] == "invalid_manifest"
    assert refused["errors"][0]["pointer"] == "/features/slash_commands/0/command"
    first = await desk.post("apps", manifest=manifest())
    assert first["bot_token"].startswith("xoxb-")
    assert first["app_token"].startswith("xapp-")
    again = await desk.post("apps", manifest=manifest(), bot_token="xoxb-mine")
    assert (again["app_id"], again["bot_token"], again["app_token"]) == (
        first["app_id"], "xoxb-mine", first["app_token"],
    )  # fmt: skip
    assert len((await desk.get("state"))["apps"]) == 1


async def test_bot_name_that_is_taken(desk):
    made = manifest()
    made["features"]["bot_user"]["display_name"] = "mia"
    assert "the name mia is taken" in (await desk.post("apps", 400, manifest=made))["message"]
