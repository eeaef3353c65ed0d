"""People, profiles, presence and user groups, and who may do what."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from bot.sandbox.errors import SeedError
from bot.sandbox.seed import Seed
from tests.sandbox.conftest import running
from tests.sandbox.manifests import SCOPES, manifest
from tests.sandbox.test_channels import people, refused

GROUPS = [*SCOPES, "usergroups:write", "users.profile:read", "dnd:read", "emoji:read", "users:write"]

SEED = Seed.parse(
    {
        "team": {"name": "Initech", "domain": "initech", "enterprise": "Initech Group"},
        "other_teams": [{"name": "Globex", "domain": "globex", "enterprise": "Globex Holding"}],
        "users": [
            {"name": "bill", "real_name": "Bill Lumbergh", "is_admin": True, "tz": "Europe/Berlin"},
            {"name": "milton", "real_name": "Milton W", "deactivated": True, "email": "milton@initech.example"},
            {"name": "gia", "real_name": "Gia Guest", "guest": "multi_channel"},
            {"name": "hank", "real_name": "Hank Scorpio", "team": "globex", "email": "hank@globex.example"},
            {"name": "zoe", "real_name": "Zoe Unmet", "team": "globex"},
        ],
        "channels": [
            {"name": "tps", "members": ["bill", "gia"]},
            {"name": "joint", "members": ["bill", "hank"], "shared_with": ["globex"]},
        ],
        "usergroups": [],
    }
)


async def connected(desk, scopes=GROUPS):
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(scopes=scopes)))
    return AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)


async def test_guests_leavers_and_people_of_other_organisations():
    async with running(seed=SEED) as desk:
        client = await connected(desk)
        known = {one["name"]: one for one in (await client.users_list())["members"]}
        home, other = desk.sandbox.workspace.team.id, known["hank"]["team_id"]
        assert known["milton"]["deleted"]
        assert "is_admin" not in known["milton"]
        assert (known["gia"]["is_restricted"], known["gia"]["is_ultra_restricted"]) == (True, False)
        assert (known["bill"]["team_id"], other == home) == (home, False)
        assert "is_stranger" not in known["bill"]
        assert [known[name]["is_stranger"] for name in ("hank", "zoe")] == [False, True]
        assert known["hank"]["enterprise_user"]["enterprise_name"] == "Globex Holding"
        assert known["bill"]["enterprise_user"]["teams"] == [home]
        assert "email" not in known["hank"]["profile"]
        assert known["bill"]["tz_offset"] in {3600, 7200}
        await refused("users_not_found", client.users_lookupByEmail(email="milton@initech.example"))
        who = await client.auth_test()
        assert who["enterprise_id"] == (await client.team_info())["team"]["enterprise_id"]
        globex = (await client.team_info(team=other))["team"]
        assert (globex["name"], globex["enterprise_name"]) == ("Globex", "Globex Holding")
        milton = people(desk, "milton")
        await refused("user_disabled", client.conversations_open(users=milton))
        await refused("channel_not_found", client.chat_postMessage(channel=milton, text="x"))


async def test_what_apps_get_of_a_person_of_another_organisation():
    async with running(seed=SEED) as desk:
        made = manifest(scopes=GROUPS, events=["message.channels"])
        installed = await desk.sandbox.install(AppConfig(manifest=made))
        assert installed.scopes == frozenset(GROUPS)
        sent = await desk.post("messages", user="hank", channel="joint", text="hello")
        (delivery,) = sent["delivered"]
        body, hank = delivery["payload"], desk.sandbox.workspace.find_user("hank")
        assert (body["event"]["team"], body["event"]["user_team"]) == (hank.team_id, hank.team_id)
        assert body["context_enterprise_id"] == desk.sandbox.workspace.team.enterprise.id
        ran = await desk.post("commands", user="hank", channel="joint", command="/ship")
        assert ran["delivered"][0]["payload"]["enterprise_name"] == "Globex Holding"
        used = await desk.post("shortcuts", user="hank", callback_id="ship_it")
        payload = used["delivered"][0]["payload"]
        assert payload["user"]["team_id"] == payload["team"]["id"] == hank.team_id
        assert payload["enterprise"]["name"] == "Globex Holding"


async def test_who_is_deactivated_can_do_nothing():
    async with running(seed=SEED) as desk:
        answer = await desk.post("messages", 400, user="milton", channel="tps", text="my stapler")
        assert answer["error"] == "user_deactivated"
        await desk.post("people", user="milton", deactivated=False)
        direct = await desk.post("messages", user="milton", channel="@bill", text="my stapler")
        assert direct["ok"]
        wrong = await desk.post("people", 400, user="bill", tz="Mars/Olympus")
        assert wrong["message"].startswith("tz: 'Mars/Olympus' is no time zone")


def test_a_time_zone_that_is_none():
    with pytest.raises(SeedError, match="write one like Europe/Berlin"):
        Seed.parse({"users": [{"name": "x", "real_name": "X", "tz": "Mars/Olympus"}]})


async def test_user_groups_are_made_changed_and_put_away(desk):
    client = await connected(desk)
    mia, ana, pat = people(desk, "mia", "ana", "pat")
    made = (await client.usergroups_create(name="Deck crew", handle="deck", description="Ropes"))["usergroup"]
    assert (made["handle"], made["users"]) == ("deck", [])
    for wrong, error in (
        ({"name": "Deck crew"}, "name_already_exists"),
        ({"name": "Other", "handle": "deck"}, "handle_already_exists"),
        ({"name": "Other", "handle": "mia"}, "handle_already_exists"),
        ({"name": "Other", "handle": "here"}, "forbidden_handle"),
        ({"name": "Other", "handle": "No Way"}, "bad_handle"),
        ({"name": "x" * 81}, "name_too_long"),
        ({"name": "Other", "channels": "C000"}, "invalid_channel_provided"),
    ):
        await refused(error, client.usergroups_create(**wrong))
    crew = await client.usergroups_users_update(usergroup=made["id"], users=[mia, ana], include_count=True)
    assert (crew["usergroup"]["users"], crew["usergroup"]["user_count"]) == ([mia, ana], 2)
    await refused("no_users_provided", client.usergroups_users_update(usergroup=made["id"], users=""))
    await refused("invalid_users", client.usergroups_users_update(usergroup=made["id"], users="U000"))
    gus = desk.sandbox.workspace.find_user("gus").id
    await refused("invalid_users", client.usergroups_users_update(usergroup=made["id"], users=[mia, gus]))
    await refused("failed_for_some_users", client.usergroups_users_update(usergroup=made["id"], users=pat))
    assert (await client.usergroups_update(usergroup=made["id"], name="Crew"))["usergroup"]["name"] == "Crew"
    await client.usergroups_disable(usergroup=made["id"])
    assert made["id"] not in {one["id"] for one in (await client.usergroups_list())["usergroups"]}
    listed = (await client.usergroups_list(include_disabled=True, include_users=True))["usergroups"]
    assert {one["id"]: one["users"] for one in listed}[made["id"]] == [mia, ana]
    await refused("no_such_subteam", client.usergroups_users_list(usergroup=made["id"]))
    await client.usergroups_enable(usergroup=made["id"])
    assert (await client.usergroups_users_list(usergroup=made["id"]))["users"] == [mia, ana]


@pytest.mark.parametrize(("editors", "allowed"), [("admins", False), ("members", True), ("everyone", True)])
async def test_the_team_says_who_may_edit_user_groups(editors, allowed):
    seed = Seed.parse({"team": {"name": "Acme", "domain": "acme", "usergroup_editors": editors}})
    async with running(seed=seed) as desk:
        client = await connected(desk)
        if allowed:
            assert (await client.usergroups_create(name="Deck crew"))["usergroup"]["handle"] == "deck-crew"
        else:
            await refused("permission_denied", client.usergroups_create(name="Deck crew"))
        may = desk.sandbox.workspace.may_edit_usergroups
        gus, pat = (desk.sandbox.workspace.find_user(name) for name in ("gus", "pat"))
        assert (may(gus), may(pat)) == (editors == "everyone", False)


async def test_profiles_presence_and_the_small_ones(desk):
    client = await connected(desk)
    mia = people(desk, "mia")
    profile = (await client.users_profile_get(user=mia))["profile"]
    assert (profile["real_name"], profile["title"], profile["email"]) == (
        "Mia Lindqvist", "Developer", "mia@acme.example",
    )  # fmt: skip
    assert profile["image_72"].startswith(desk.sandbox.url)
    assert (await client.users_getPresence(user=mia))["presence"] == "active"
    own = (await client.auth_test())["user_id"]
    assert (await client.users_getPresence(user=own))["presence"] == "away", "nobody is connected for the app"
    await client.users_setPresence(presence="away")
    await refused("invalid_presence", client.users_setPresence(presence="busy"))
    assert not (await client.dnd_info(user=mia))["dnd_enabled"]
    assert list((await client.dnd_teamInfo(users=[mia]))["users"]) == [mia]
    assert (await client.emoji_list())["emoji"] == {}
    assert (await client.team_profile_get())["profile"]["fields"]
    assert [one["name"] for one in (await client.auth_teams_list())["teams"]] == ["Acme"]


async def test_links_at_the_top_of_a_channel(desk, channel):
    client = await connected(desk, [*SCOPES, "bookmarks:read", "bookmarks:write"])
    made = await client.bookmarks_add(
        channel_id=channel, title="Chart", type="link", link="https://a.example", emoji=":map:"
    )
    ident = made["bookmark"]["id"]
    for wrong, error in (
        ({"link": "ftp://a.example"}, "invalid_link"),
        ({"type": "message"}, "invalid_bookmark_type"),
        ({"emoji": "no such"}, "invalid_emoji"),
    ):
        arguments = {"channel_id": channel, "title": "x", "type": "link", "link": "https://a.example", **wrong}
        await refused(error, client.bookmarks_add(**arguments))
    edited = await client.bookmarks_edit(channel_id=channel, bookmark_id=ident, title="Sea chart")
    assert (edited["bookmark"]["title"], edited["bookmark"]["link"]) == ("Sea chart", "https://a.example")
    assert [one["id"] for one in (await client.bookmarks_list(channel_id=channel))["bookmarks"]] == [ident]
    await client.bookmarks_remove(channel_id=channel, bookmark_id=ident)
    await refused("not_found", client.bookmarks_remove(channel_id=channel, bookmark_id=ident))


async def test_threads_of_an_assistant(desk, channel):
    made = manifest(scopes=[*SCOPES, "assistant:write"])
    asked = await desk.post("messages", user="mia", channel="checkout", text="help")
    thread = {"channel_id": channel, "thread_ts": asked["ts"]}
    prompts = [{"title": "Ship", "message": "Ship it"}]
    installed = await desk.sandbox.install(AppConfig(manifest=made))
    client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
    await refused("not_agent_app", client.assistant_threads_setSuggestedPrompts(**thread, prompts=prompts))
    made["features"]["assistant_view"] = {"assistant_description": "Ships"}
    installed = await desk.sandbox.install(AppConfig(manifest=made))
    client = AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)
    assert (await client.assistant_threads_setSuggestedPrompts(**thread, prompts=prompts))["ok"]
    await client.assistant_threads_setStatus(**thread, status="is thinking…", loading_messages=["Hm", "Well"])
    await client.assistant_threads_setTitle(**thread, title="Help")
    assist = desk.sandbox.workspace.assistance(channel, asked["ts"])
    assert (assist.status, assist.title, assist.prompts) == ("is thinking…", "Help", prompts)
    wrong = {"channel_id": channel, "thread_ts": "1700000000.000100"}
    await refused("invalid_thread_ts", client.assistant_threads_setStatus(**wrong, status="x"))


async def test_reactions_are_listed_and_files_deleted(desk, channel):
    client = await connected(desk)
    posted = await client.chat_postMessage(channel=channel, text="card")
    await client.reactions_add(channel=channel, timestamp=posted["ts"], name="eyes")
    (item,) = (await client.reactions_list())["items"]
    assert item["message"]["ts"] == posted["ts"]
    done = await client.files_upload_v2(channel=channel, filename="log.txt", content="ship's log")
    listed = await client.files_list(types="snippets")
    assert ([one["name"] for one in listed["files"]], listed["paging"]["total"]) == (["log.txt"], 1)
    assert (await client.files_list(types="images"))["files"] == []
    await client.files_delete(file=done["file"]["id"])
    await refused("file_not_found", client.files_info(file=done["file"]["id"]))
    assert "files" not in (await desk.messages())[-1] or (await desk.messages())[-1]["files"] == []
