"""Profiles, changed with the token of a person who allowed it."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import AppConfig
from tests.sandbox.conftest import running
from tests.sandbox.test_apps import allow, client_of, named
from tests.sandbox.test_channels import people, refused
from tests.sandbox.test_people import SEED

pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

WANTED = ["identity.basic", "identity.email", "users.profile:read", "users.profile:write", "users:read.email"]


async def acting_as(desk, user):
    """Return a client with the token of a person who pressed Allow."""
    raft = await desk.sandbox.install(AppConfig(manifest=named("Raft", user_scopes=WANTED)))
    code = (await allow(desk, raft, user=user, scope="chat:write", user_scope=",".join(WANTED)))["code"]
    secrets = {"client_id": raft.client_id, "client_secret": raft.client_secret}
    given = await AsyncWebClient(base_url=desk.sandbox.api_url).oauth_v2_access(**secrets, code=code)
    return client_of(desk, given["authed_user"]["access_token"])


async def test_one_changes_ones_own_profile(desk):
    mia = await acting_as(desk, "mia")
    changed = await mia.users_profile_set(name="status_text", value="At sea")
    assert (changed["username"], changed["profile"]["status_text"]) == ("mia", "At sea")
    await mia.users_profile_set(profile={"title": "Captain", "status_expiration": 1_900_000_000})
    profile = (await mia.users_profile_get())["profile"]
    assert (profile["title"], profile["status_text"], profile["status_expiration"]) == (
        "Captain", "At sea", 1_900_000_000,
    )  # fmt: skip
    who = await mia.users_identity()
    assert (who["user"]["name"], who["user"]["email"]) == ("Mia Lindqvist", "mia@acme.example")


@pytest.mark.parametrize(
    ("profile", "error"),
    [
        ({"status_text": "x" * 101}, "too_long"),
        ({"display_name": "@mia"}, "invalid_starts_with_at"),
        ({"status_expiration": "soon"}, "invalid_profile"),
        ({"title": 7}, "invalid_profile"),
        ({"shoe_size": "43"}, "profile_set_failed"),
        ({"email": "captain@acme.example"}, "not_admin"),
        ({}, "invalid_profile"),
    ],
)
async def test_profiles_that_are_refused(desk, profile, error):
    mia = await acting_as(desk, "mia")
    await refused(error, mia.api_call("users.profile.set", json={"profile": profile}))


async def test_only_admins_change_others():
    async with running(seed=SEED) as desk:
        gia, hank = people(desk, "gia", "hank")
        admin = await acting_as(desk, "bill")
        changed = await admin.users_profile_set(user=gia, profile={"email": "gia@agency.example", "real_name": "Gia G"})
        assert changed["profile"]["real_name"] == "Gia G"
        taken = {"user": people(desk, "bill"), "profile": {"email": "GIA@agency.example"}}
        await refused("email_taken", admin.users_profile_set(**taken))
        await refused("permission_denied", admin.users_profile_set(user=hank, profile={"title": "Boss"}))


async def test_nobody_else_changes_others(desk):
    mia, ana = await acting_as(desk, "mia"), people(desk, "ana")
    await refused("not_admin", mia.users_profile_set(user=ana, profile={"title": "x"}))
