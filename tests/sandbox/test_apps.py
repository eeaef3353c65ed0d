"""Apps and their tokens: several at once, of people, by OAuth, rotated, revoked, uninstalled."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import running
from tests.sandbox.desk import Desk
from tests.sandbox.manifests import SCOPES, manifest
from tests.sandbox.test_channels import refused

# slack_sdk's asyncio client passes the app's secret as aiohttp's BasicAuth.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

BACK = "http://127.0.0.1:1/slack/oauth_redirect"


def named(name, scopes=SCOPES, user_scopes=(), **settings):
    """Return the manifest of another app."""
    made = manifest(scopes=list(scopes))
    made["display_information"]["name"] = made["features"]["bot_user"]["display_name"] = name
    made["features"].pop("slash_commands")
    made["oauth_config"]["scopes"]["user"] = list(user_scopes)
    made["oauth_config"]["redirect_urls"] = [BACK]
    made["settings"] |= settings
    return made


def client_of(desk, token):
    return AsyncWebClient(token=token, base_url=desk.sandbox.api_url)


async def allow(desk: Desk, app, answer="allow", user="mia", **query):
    """Press Allow (or Cancel) on the page and return what the app is told."""
    url = f"{desk.sandbox.url}/oauth/v2/authorize"
    params = {"client_id": app.client_id, "redirect_uri": BACK, "state": "s/1", **query}
    async with aiohttp.ClientSession() as session:
        async with session.get(url, params=params) as page:
            assert page.status == 200
            assert app.name in await page.text()
        form = {"answer": answer, "user": desk.sandbox.workspace.find_user(user).id}
        async with session.post(url, params=params, data=form, allow_redirects=False) as response:
            assert response.status == 302
            location = response.headers["Location"]
    assert location.startswith(BACK)
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


async def test_several_apps_have_their_own_scopes_channels_and_messages(desk, channel):
    ferry = await desk.sandbox.install(AppConfig(manifest=manifest()))
    raft = await desk.sandbox.install(AppConfig(manifest=named("Raft", ["chat:write", "users:read"])))
    one, two = client_of(desk, ferry.bot_token), client_of(desk, raft.bot_token)
    theirs = await one.chat_postMessage(channel=channel, text="from Ferry")
    ours = await two.chat_postMessage(channel=channel, text="from Raft")
    assert (theirs["message"]["app_id"], ours["message"]["app_id"]) == (ferry.id, raft.id)
    await refused("cant_update_message", two.chat_update(channel=channel, ts=theirs["ts"], text="x"))
    answer = await refused("missing_scope", two.conversations_history(channel=channel))
    assert answer["provided"] == "chat:write,users:read"
    assert answer.headers["X-OAuth-Scopes"] == "chat:write,users:read"
    assert "channels:history" in answer.headers["X-Accepted-OAuth-Scopes"]
    bot = (await two.bots_info(bot=ferry.bot_id))["bot"]
    assert (bot["name"], bot["user_id"]) == ("Ferry", ferry.bot_user_id)
    async with aiohttp.ClientSession() as session, session.get(bot["icons"]["image_48"]) as picture:
        assert (picture.status, picture.content_type) == (200, "image/svg+xml")


async def test_an_app_in_some_channels_only(desk):
    installed = await desk.post("apps", manifest=named("Raft"), channels=["alerts"])
    client = client_of(desk, installed["bot_token"])
    mine = (await client.users_conversations())["channels"]
    assert [one["name"] for one in mine] == ["alerts"]
    await refused("not_in_channel", client.chat_postMessage(channel="#checkout", text="x"))
    wrong = await desk.post("apps", 400, manifest=named("Skiff"), channels=["nowhere"])
    assert "there is no channel nowhere" in wrong["message"]
    assert desk.sandbox.workspace.find_user("skiff") is None, "what is refused leaves nothing behind"
    wrong = await desk.post("apps", 400, manifest=named("Skiff"), channels="alerts")
    assert wrong["message"] == "channels: must be an array of strings"


async def test_oauth_gives_the_bot_and_the_person_a_token(desk, channel):
    wanted = named("Raft", user_scopes=["chat:write", "users.profile:write", "users.profile:read"])
    raft = await desk.sandbox.install(AppConfig(manifest=wanted, distributed=True))
    assert raft.id not in desk.sandbox.platform.apps.installed
    await refused("account_inactive", client_of(desk, raft.bot_token).auth_test())
    back = await allow(desk, raft, scope="chat:write,users:read", user_scope="chat:write,users.profile:write")
    assert back["state"] == "s/1"
    nobody = AsyncWebClient(base_url=desk.sandbox.api_url)
    secrets = {"client_id": raft.client_id, "client_secret": raft.client_secret}
    given = await nobody.oauth_v2_access(**secrets, code=back["code"], redirect_uri=BACK)
    assert (given["app_id"], given["bot_user_id"], given["team"]["name"]) == (raft.id, raft.bot_user_id, "Acme")
    assert given["scope"] == "chat:write,users:read"
    await refused("invalid_code", nobody.oauth_v2_access(**secrets, code=back["code"]))
    bot, person = client_of(desk, given["access_token"]), client_of(desk, given["authed_user"]["access_token"])
    assert (await bot.auth_test())["user"] == "raft"
    await refused("missing_scope", bot.conversations_history(channel=channel))
    mia = desk.sandbox.workspace.find_user("mia")
    assert (await person.auth_test())["user_id"] == given["authed_user"]["id"] == mia.id
    said = (await person.chat_postMessage(channel=channel, text="for mia"))["message"]
    assert (said["user"], said["bot_id"]) == (mia.id, raft.bot_id)
    changed = await person.users_profile_set(profile={"status_text": "At sea", "status_emoji": ":boat:"})
    assert changed["profile"]["status_text"] == "At sea"
    await refused("not_allowed_token_type", bot.users_profile_set(profile={"status_text": "x"}))


async def test_what_oauth_refuses(desk):
    raft = await desk.sandbox.install(AppConfig(manifest=named("Raft"), distributed=True))
    assert await allow(desk, raft, "deny", scope="chat:write") == {"error": "access_denied", "state": "s/1"}
    assert await allow(desk, raft, user="gus", scope="chat:write") == {"error": "access_denied", "state": "s/1"}
    url = f"{desk.sandbox.url}/oauth/v2/authorize"
    good = {"client_id": raft.client_id, "redirect_uri": BACK, "scope": "chat:write"}
    async with aiohttp.ClientSession() as session:
        for wrong, error in (
            ({"client_id": "0.0"}, "invalid_client_id"),
            ({"redirect_uri": "https://evil.example"}, "bad_redirect_uri"),
            ({"scope": ""}, "no_scopes"),
            ({"scope": "admin"}, "invalid_scope"),
        ):
            async with session.get(url, params=good | wrong) as page:
                assert (page.status, error in await page.text()) == (400, True)
    nobody = AsyncWebClient(base_url=desk.sandbox.api_url)
    code = (await allow(desk, raft, scope="chat:write"))["code"]
    for wrong, error in (
        ({"client_id": "0.0"}, "invalid_client_id"),
        ({"client_secret": "x"}, "bad_client_secret"),
        ({"grant_type": "password"}, "invalid_grant_type"),
        ({"redirect_uri": "http://127.0.0.1:2/"}, "bad_redirect_uri"),
    ):
        given = {"client_id": raft.client_id, "client_secret": raft.client_secret, "code": code, **wrong}
        await refused(error, nobody.oauth_v2_access(**given))


async def test_codes_can_be_bound_to_who_asked_for_them(desk):
    raft = await desk.sandbox.install(AppConfig(manifest=named("Raft"), distributed=True))
    verifier = "v" * 64
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    nobody = AsyncWebClient(base_url=desk.sandbox.api_url)
    for given, error in (("x", "invalid_code_verifier"), (verifier, None)):
        query = {"code_challenge": challenge, "code_challenge_method": "S256"}
        code = (await allow(desk, raft, scope="chat:write", **query))["code"]
        secrets = {"client_id": raft.client_id, "client_secret": raft.client_secret}
        asking = nobody.api_call("oauth.v2.access", data={**secrets, "code": code, "code_verifier": given})
        if error:
            await refused(error, asking)
        else:
            assert (await asking)["ok"]


async def test_rotated_tokens_end_and_are_renewed(clock):
    async with running(clock=clock) as desk:
        wanted = named("Raft", user_scopes=["chat:write"], token_rotation_enabled=True)
        raft = await desk.sandbox.install(AppConfig(manifest=wanted))
        nobody = AsyncWebClient(base_url=desk.sandbox.api_url)
        secrets = {"client_id": raft.client_id, "client_secret": raft.client_secret}
        code = (await allow(desk, raft, scope="chat:write", user_scope="chat:write"))["code"]
        first = await nobody.oauth_v2_access(**secrets, code=code)
        assert (first["expires_in"], first["access_token"][:12]) == (43_200, "xoxe.xoxb-1-")
        assert (await client_of(desk, first["access_token"]).auth_test())["expires_in"] == 43_200
        clock.advance(43_200)
        await refused("token_expired", client_of(desk, first["access_token"]).auth_test())
        renew = {**secrets, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = await nobody.oauth_v2_access(**renew)
        assert (await client_of(desk, second["access_token"]).auth_test())["user"] == "raft"
        await refused("invalid_refresh_token", nobody.oauth_v2_access(**renew))
        lasting = client_of(desk, raft.bot_token)
        exchanged = await lasting.oauth_v2_exchange(token=raft.bot_token, **secrets)
        assert (await client_of(desk, exchanged["access_token"]).auth_test())["ok"]
        await refused("token_revoked", lasting.auth_test())


async def test_a_revoked_bot_token_uninstalls_the_app(desk, installed, client, channel):
    assert not (await client.auth_revoke(test=True))["revoked"]
    assert (await client.auth_revoke())["revoked"]
    await refused("token_revoked", client.auth_test())
    ferry = desk.sandbox.workspace.users[installed.bot_user_id]
    assert ferry.deleted
    assert ferry.id not in desk.sandbox.workspace.channels[channel].members
    assert (await desk.get("state"))["apps"] == []


async def test_uninstalling(desk, installed, client):
    wrong = {"client_id": installed.client_id, "client_secret": "x"}
    await refused("bad_client_secret", client.apps_uninstall(**wrong))
    await refused("invalid_client_id", client.apps_uninstall(client_id="0.0", client_secret="x"))
    await client.apps_uninstall(client_id=installed.client_id, client_secret=installed.client_secret)
    await refused("token_revoked", client.auth_test())
    again = await desk.sandbox.install(AppConfig(manifest=manifest(), bot_token="xoxb-again"))
    assert (again.id, again.bot_user_id) == (installed.id, installed.bot_user_id)
    assert (await client_of(desk, "xoxb-again").auth_test())["ok"]


async def test_tokens_of_the_wrong_kind(desk, installed):
    app_level = client_of(desk, installed.app_token)
    assert (await app_level.auth_test())["app_id"] == installed.id
    await refused("not_allowed_token_type", app_level.users_list())
    config = client_of(desk, "xoxe.xoxp-1-sandbox")
    await refused("not_allowed_token_type", config.auth_test())
    await refused("not_allowed_token_type", client_of(desk, installed.bot_token).apps_manifest_validate(manifest="{}"))


async def test_manifests_are_validated(desk):
    config = client_of(desk, "xoxe.xoxp-1-sandbox")
    assert (await config.apps_manifest_validate(manifest=manifest()))["errors"] == []
    answer = await refused("invalid_manifest", config.apps_manifest_validate(manifest={"settings": 1}))
    assert {one["pointer"] for one in answer["errors"]} == {"/settings", "/display_information/name"}
    await refused("invalid_manifest", config.apps_manifest_validate(manifest="{"))
    nowhere = manifest()
    nowhere["settings"]["socket_mode_enabled"] = False
    answer = await refused("invalid_manifest", config.apps_manifest_validate(manifest=nowhere))
    assert [one["pointer"] for one in answer["errors"]] == [
        "/settings/event_subscriptions",
        "/settings/interactivity",
        "/features/slash_commands/0/url",
        "/features/slash_commands/1/url",
    ]
    await refused("invalid_app_id", config.apps_manifest_validate(manifest="{}", app_id="A000"))


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("blocks", [{"type": "divider"}], None),
        ("blocks", [{"type": "nonsense"}], "invalid_blocks"),
        ("message", {"text": "x"}, None),
        ("message", {}, "invalid_message"),
        ("view", {"type": "modal", "blocks": []}, "invalid_view"),
    ],
)
async def test_blocks_are_validated(client, kind, value, error):
    asking = client.api_call("blocks.validate", json={kind: value})
    if error is None:
        assert (await asking)["ok"]
        return
    answer = await refused(error, asking)
    assert all({"code", "message", "pointer"} == set(one) for one in answer["errors"])
    if kind == "blocks":
        assert answer["errors"][-1]["pointer"] == "/0/type"
