"""A user group and a channel's topic in Slack follow who is on call; Slack is a whole local workspace."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.app.following import check_following
from bot.oncall.oncall import OnCall
from bot.slack import manifest
from bot.store import Store
from tests.builds.rig import read
from tests.deployments.rig import ANA, MIA, TOM
from tests.oncall.rig import PRIMARY, up
from tests.oncall.workplace import TOPIC, working

UPDATE, SET = "usergroups.users.update", "conversations.setTopic"
ROOT = Path(__file__).parents[2]
MINE = f"{TOPIC} [on call for primary: mia]"


async def test_the_user_group_follows_each_shift_and_no_topic(tmp_path: Path):
    async with working(tmp_path) as work:
        await work.follow()
        assert work.members == [MIA.user]
        await work.shift(("tom", "ana"))
        await work.follow()
        assert work.members == [ANA.user, TOM.user]
        assert (await work.sent(UPDATE), await work.sent(SET)) == (2, 0)
        assert (await work.rig.oncall.following.health()).ok


async def test_nothing_is_sent_where_it_is_right_and_what_people_changed_is_put_right(tmp_path: Path):
    async with working(tmp_path, follow={"topic": "always"}) as work:
        await work.follow()
        await work.rig.oncall.following.begin()  # a start, a reload
        await work.follow()
        assert (await work.sent(UPDATE), await work.sent(SET)) == (1, 1)
        work.office.sandbox.workspace.usergroups[work.group].users[:] = ["U0ZOE"]
        work.office.sandbox.workspace.channels["C0OPS"].topic = "Anew"
        await work.follow(minutes=61)
        assert (work.members, work.topic) == ([MIA.user], "Anew [on call for primary: mia]")


async def test_the_topic_follows_alone_and_keeps_other_words(tmp_path: Path):
    async with working(tmp_path, group=False, token="") as work:
        await work.follow()
        assert work.topic == MINE
        await work.shift(None)
        await work.follow()
        assert work.topic == f"{TOPIC} [on call for primary: nobody]"
        assert (await work.rig.oncall.following.health()).ok


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"token": ""}, "no_user_token: set oncall.user_token"),
        ({"scopes": ("usergroups:read",)}, "missing_scope"),
        ({"editors": "admins"}, "permission_denied: oncall.user_token is of nobody who may edit user groups"),
        ({"token": "xoxp-1-2-nobody"}, "invalid_auth"),
        ({"follow": {"usergroup": "S0NONE"}}, "no_such_subteam: it is unknown or disabled in Slack"),
    ],
)
async def test_the_topic_follows_where_the_group_cannot_and_why_is_said(
    tmp_path: Path, wrong: dict[str, Any], said: str
):
    async with working(tmp_path, **wrong) as work:
        await work.follow()
        assert work.topic == MINE
        health = await work.rig.oncall.following.health()
        assert not health.ok
        assert said in health.detail
        assert said in read(await work.rig.oncall.overview.one("primary", (), everything=True))
        assert work.rig.slack.trouble is None, "the bot's own connection is not to blame"


async def test_the_topic_is_left_once_the_group_follows_again(tmp_path: Path):
    async with working(tmp_path, editors="admins") as work:
        await work.follow()
        assert work.topic == MINE
        work.office.sandbox.workspace.usergroup_editors = "members"
        await work.follow(minutes=11)
        assert (work.members, work.topic) == ([MIA.user], TOPIC)
        assert (await work.rig.oncall.following.health()).ok


async def test_a_gap_leaves_the_last_in_the_group_and_says_so(tmp_path: Path):
    async with working(tmp_path) as work:
        await work.follow()
        await work.shift(None)
        await work.follow()
        assert (work.members, work.topic) == ([MIA.user], f"{TOPIC} [on call for primary: nobody]")
        health = await work.rig.oncall.following.health()
        assert health.ok
        assert "nobody is on call" in health.detail


async def test_who_is_deactivated_is_left_out(tmp_path: Path):
    async with working(tmp_path, follow={"topic": "always"}) as work:
        work.rig.deactivated.add(TOM)
        await work.shift(("tom", "ana"))
        await work.follow()
        assert (work.members, work.topic) == ([ANA.user], f"{TOPIC} [on call for primary: ana]")


@pytest.mark.parametrize("kind", ["http_503", "drop", "lost_reply", "ratelimited"])
async def test_slack_away_only_delays_it(tmp_path: Path, kind: str):
    async with working(tmp_path) as work:
        work.office.sandbox.platform.faults.plan({"kind": kind, "method": UPDATE})
        await work.follow()
        assert not (await work.rig.oncall.following.health()).ok
        assert work.topic == TOPIC, "the topic stands in for a refusal, not for an outage"
        await work.follow(minutes=2)
        assert work.members == [MIA.user]
        assert (await work.rig.oncall.following.health()).ok


async def test_a_change_while_slack_is_away_counts_when_it_is_back(tmp_path: Path):
    async with working(tmp_path) as work:
        work.rig.slack_is_away = True
        await work.follow()
        await work.shift(("ana",))
        await work.follow()
        work.rig.slack_is_away = False
        await work.follow(minutes=2)
        assert work.members == [ANA.user]
        assert await work.sent(UPDATE) == 1


async def test_what_follows_no_more_gives_the_topic_back(tmp_path: Path):
    async with working(tmp_path, group=False) as work:
        await work.follow()
        primary = {
            key: one for key, one in work.rig.config["oncall"]["schedules"]["primary"].items() if key != "follow"
        }
        work.configure(primary)
        await work.rig.oncall.following.begin()
        await work.follow()
        assert work.topic == TOPIC


@pytest.mark.parametrize("kind", ["full", "archived", "not_in_channel", "unknown"])
async def test_a_topic_that_cannot_be_written_is_said(tmp_path: Path, kind: str):
    async with working(tmp_path, group=False) as work:
        ops = work.office.sandbox.workspace.channels["C0OPS"]
        if kind == "full":
            ops.topic = "x" * 240
        elif kind == "archived":
            ops.is_archived = True
        elif kind == "not_in_channel":
            ops.members.remove(work.office.bot_user)
        else:
            work.configure({**work.rig.config["oncall"]["schedules"]["primary"], "channel": "nowhere"})
        before = ops.topic
        await work.follow()
        said = {
            "full": "no room left of its 250 characters",
            "archived": "it is archived",
            "not_in_channel": "invite Shipmate",
            "unknown": "no channel nowhere",
        }
        assert said[kind] in (await work.rig.oncall.following.health()).detail
        assert ops.topic == before


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_two_replicas_write_once(tmp_path: Path, database: str, request: pytest.FixtureRequest):
    url = f"sqlite:///{tmp_path}/store.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    async with working(tmp_path, follow={"topic": "always"}, url=url) as work:
        rig = work.rig
        first, store = rig.store, await Store.open(url, clock=rig.clock)
        try:
            rig.store = store
            second = OnCall(rig.oncall_parts())
            rig.store = first
            await asyncio.gather(*(one.following.follow_due() for one in (rig.oncall, second) for _ in range(3)))
        finally:
            await store.close()
        assert (work.members, work.topic) == ([MIA.user], MINE)
        assert (await work.sent(UPDATE), await work.sent(SET)) == (1, 1)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("point", ["wished", "read", "written"])
async def test_killed_between_the_wish_and_the_write_it_is_written_once(tmp_path: Path, point: str):
    async with working(tmp_path) as work:
        await work.follow()
        layer = {"people": ["tom"], "from": "2026-01-05"}
        primary = {**work.rig.config["oncall"]["schedules"]["primary"], "layers": [layer]}
        (tmp_path / "schedules.yaml").write_text(yaml.safe_dump({"primary": primary}))
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.oncall.follow_child", str(tmp_path), work.office.sandbox.api_url, point,
            cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, err = await child.communicate()
        assert child.returncode == -signal.SIGKILL, err.decode()[-3000:]
        assert work.members == [TOM.user if point == "written" else MIA.user]
        work.configure(primary)
        await work.follow(minutes=2)  # the lease of the dead process has ended
        assert work.members == [TOM.user]
        await work.follow(minutes=2)
        assert await work.sent(UPDATE) == 2, "mia's shift, and tom's once"


async def test_check_names_what_keeps_a_group_from_following(tmp_path: Path):
    async with working(tmp_path, scopes=("users:read",)) as work:
        lines: list[str] = []
        signs = work.rig.slack
        assert not await check_following(work.rig.settings, signs, lines.append)
        assert lines == [
            "FAILED   oncall: oncall.user_token lacks the scope usergroups:write",
            f"ok       oncall primary: user group {work.group} follows it, 1 in it now",
        ]
        primary = {**work.rig.config["oncall"]["schedules"]["primary"], "follow": {"usergroup": "S0NONE"}}
        del work.rig.config["oncall"]["user_token"]
        work.configure(primary)
        lines.clear()
        assert not await check_following(work.rig.settings, signs, lines.append)
        assert lines == [
            "FAILED   oncall: a user group is to follow, and there is no oncall.user_token of a person who may edit it",
            "FAILED   oncall primary: user group S0NONE cannot be read: no_such_subteam",
        ]
        work.configure({**primary, "follow": {}})
        assert await check_following(work.rig.settings, signs, lines.append)


@pytest.mark.parametrize(
    ("follow", "bot", "user"),
    [
        (None, False, []),
        ({}, True, []),
        ({"usergroup": "S0ONCALL"}, True, ["usergroups:write"]),
        ({"usergroup": "S0ONCALL", "topic": "never"}, False, ["usergroups:write"]),
    ],
)
async def test_scopes_are_asked_for_only_where_something_follows(
    tmp_path: Path, follow: dict[str, str] | None, bot: bool, user: list[str]
):
    wish = {"follow": follow} if follow is not None else {}
    async with up(tmp_path, engine=False, schedules={"primary": {**PRIMARY, **wish}}) as rig:
        scopes = manifest.build(rig.settings, {})["oauth_config"]["scopes"]
        assert ({"channels:write.topic", "groups:write.topic"} <= set(scopes["bot"])) is bot
        assert scopes.get("user", []) == user
