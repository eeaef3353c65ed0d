"""Channels by the Web API: made, renamed, archived, entered and left, and what apps hear of it."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import bolt
from tests.sandbox.desk import Desk
from tests.sandbox.manifests import SCOPES, manifest

WIDE = [*SCOPES, "groups:write", "mpim:read", "mpim:write", "channels:write.invites"]


@pytest.fixture
async def wide(desk):
    """A client whose app may do everything with channels."""
    installed = await desk.sandbox.install(AppConfig(manifest=manifest(scopes=WIDE)))
    return AsyncWebClient(token=installed.bot_token, base_url=desk.sandbox.api_url)


def people(desk: Desk, *names):
    ids = [desk.sandbox.workspace.find_user(name).id for name in names]
    return ids[0] if len(ids) == 1 else ids


async def refused(error, calling):
    with pytest.raises(SlackApiError) as caught:
        await calling
    assert caught.value.response["error"] == error, caught.value.response.data
    return caught.value.response


async def test_life_of_a_channel(desk, wide):
    made = (await wide.conversations_create(name="launch"))["channel"]
    assert (made["name"], made["is_member"], made["is_private"]) == ("launch", True, False)
    invited = await wide.conversations_invite(channel=made["id"], users=people(desk, "mia", "ana"))
    assert invited["channel"]["num_members"] == 3
    purposed = await wide.conversations_setPurpose(channel=made["id"], purpose="To the <moon>")
    assert purposed["purpose"] == "To the <moon>"
    renamed = (await wide.conversations_rename(channel=made["id"], name="launch-2"))["channel"]
    assert (renamed["name"], renamed["previous_names"]) == ("launch-2", ["launch"])
    await wide.conversations_kick(channel=made["id"], user=people(desk, "ana"))
    await wide.conversations_archive(channel=made["id"])
    await refused("already_archived", wide.conversations_archive(channel=made["id"]))
    await refused("is_archived", wide.chat_postMessage(channel=made["id"], text="x"))
    listed = (await wide.conversations_list(exclude_archived=True))["channels"]
    assert made["id"] not in {one["id"] for one in listed}
    await wide.conversations_unarchive(channel=made["id"])
    await refused("not_archived", wide.conversations_unarchive(channel=made["id"]))
    told = [one.get("subtype") for one in await desk.messages(made["id"])]
    assert told == [
        "channel_join", "channel_join", "channel_purpose", "channel_name", "channel_leave",
        "channel_archive", "channel_unarchive",
    ]  # fmt: skip
    (purpose,) = [one for one in await desk.messages(made["id"]) if one.get("subtype") == "channel_purpose"]
    assert purpose["text"].endswith("To the &lt;moon&gt;")
    assert (await wide.conversations_leave(channel=made["id"]))["ok"]
    assert (await wide.conversations_leave(channel=made["id"]))["not_in_channel"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Launch", "invalid_name_specials"),
        ("two words", "invalid_name_specials"),
        ("a.b", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
        ("checkout", "name_taken"),
    ],
)
async def test_names_that_no_channel_can_have(wide, name, error):
    await refused(error, wide.conversations_create(name=name))


async def test_private_channels_need_their_own_scope(client):
    answer = await refused("missing_scope", client.conversations_create(name="hush", is_private=True))
    assert answer["needed"] == "groups:write"


async def test_a_private_channel_is_seen_by_its_members_alone(desk, wide):
    made = (await wide.conversations_create(name="hush", is_private=True))["channel"]
    other = manifest(scopes=WIDE)
    other["display_information"]["name"] = other["features"]["bot_user"]["display_name"] = "raft"
    raft = await desk.sandbox.install(AppConfig(manifest=other))
    stranger = AsyncWebClient(token=raft.bot_token, base_url=desk.sandbox.api_url)
    await refused("channel_not_found", stranger.conversations_info(channel=made["id"]))
    assert (await wide.conversations_info(channel=made["id"]))["channel"]["is_private"]
    await refused("method_not_supported_for_channel_type", wide.conversations_join(channel=made["id"]))
    await refused("last_member", wide.conversations_leave(channel=made["id"]))
    joins = [one["subtype"] for one in await desk.messages(made["id"])]
    assert joins == []


async def test_who_cannot_be_invited(desk, wide):
    made = (await wide.conversations_create(name="launch"))["channel"]["id"]
    mia, gus, pat, ferry = people(desk, "mia", "gus", "pat", "ferry")
    for user, error in (
        (gus, "ura_max_channels"),
        (pat, "cant_invite"),
        (ferry, "cant_invite_self"),
        ("U000", "user_not_found"),
    ):
        await refused(error, wide.conversations_invite(channel=made, users=user))
    answer = await refused("user_not_found", wide.conversations_invite(channel=made, users=["U000", mia]))
    assert answer["errors"] == [{"user": "U000", "ok": False, "error": "user_not_found"}]
    await wide.conversations_invite(channel=made, users=["U000", mia], force=True)
    await refused("already_in_channel", wide.conversations_invite(channel=made, users=mia))
    general = desk.sandbox.workspace.find_channel("general").id
    await refused("cant_kick_from_general", wide.conversations_kick(channel=general, user=mia))
    await refused("cant_kick_self", wide.conversations_kick(channel=made, user=ferry))
    await refused("cant_leave_general", wide.conversations_leave(channel=general))
    await refused("cant_archive_general", wide.conversations_archive(channel=general))
    await refused("not_authorized", wide.conversations_rename(channel=general, name="all"))


async def test_direct_messages_of_one_and_of_several(desk, wide):
    mia, ana = people(desk, "mia", "ana")
    first = await wide.conversations_open(users=mia)
    again = await wide.conversations_open(users=mia, return_im=True)
    assert (again["already_open"], again["channel"]["user"]) == (True, mia)
    assert (await wide.conversations_close(channel=first["channel"]["id"]))["ok"]
    assert (await wide.conversations_close(channel=first["channel"]["id"]))["already_closed"]
    group = (await wide.conversations_open(users=[mia, ana], return_im=True))["channel"]
    assert (group["is_mpim"], group["name"]) == (True, "mpdm-ferry--mia--ana-1")
    assert (await wide.conversations_open(users=[ana, mia]))["channel"]["id"] == group["id"]
    await wide.chat_postMessage(channel=group["id"], text="all three")
    assert [one["text"] for one in await desk.messages(group["id"], viewer="ana")] == ["all three"]
    await refused("method_not_supported_for_channel_type", wide.conversations_archive(channel=group["id"]))


async def test_reading_marks_and_time_bounds(desk, wide, channel):
    posted = [(await wide.chat_postMessage(channel=channel, text=str(n)))["ts"] for n in range(3)]
    await wide.conversations_mark(channel=channel, ts=posted[1])
    assert (await wide.conversations_info(channel=channel))["channel"]["last_read"] == posted[1]
    await refused("invalid_timestamp", wide.conversations_mark(channel=channel, ts="yesterday"))
    await refused("invalid_ts_oldest", wide.conversations_history(channel=channel, oldest="yesterday"))
    await refused("invalid_arguments", wide.conversations_history(channel=channel, limit=1000))
    await wide.pins_add(channel=channel, timestamp=posted[0])
    pinned = [one.get("pinned_to") for one in (await wide.conversations_history(channel=channel))["messages"]]
    assert pinned == [None, None, [channel]]
    first = await wide.conversations_history(channel=channel, limit=2)
    assert first["has_more"]
    rest = await wide.conversations_history(channel=channel, limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert ([one["text"] for one in rest["messages"]], rest["has_more"]) == (["0"], False)


async def test_apps_hear_of_what_happens_to_channels(desk):
    names = ["channel_created", "channel_rename", "channel_archive", "member_joined_channel", "pin_added"]
    async with bolt(desk, scopes=WIDE, events=names) as (_, client, installed):
        made = (await client.conversations_create(name="launch"))["channel"]["id"]
        mia = people(desk, "mia")
        await client.conversations_invite(channel=made, users=mia)
        ts = (await client.chat_postMessage(channel=made, text="x"))["ts"]
        await client.pins_add(channel=made, timestamp=ts)
        await client.conversations_rename(channel=made, name="launch-2")
        await client.conversations_archive(channel=made)

        async def heard():
            sent = (await desk.get("deliveries"))["deliveries"]
            events = {one["type"]: one["request"]["event"] for one in sent if one["direction"] == "to_app"}
            return events if set(names) <= set(events) else None

        told = await desk.until(heard)
    assert told["channel_created"]["channel"]["name"] == "launch"
    assert told["channel_rename"]["channel"]["name"] == "launch-2"
    assert told["channel_archive"]["user"] == installed.bot_user_id
    joined = told["member_joined_channel"]
    assert (joined["user"], joined["inviter"]) == (mia, installed.bot_user_id)
    assert told["pin_added"]["item"]["message"]["text"] == "x"
