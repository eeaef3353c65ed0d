"""Who is on call, in a whole Shipmate: a user group and a topic in Slack follow, and check and health say how."""

import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.sandbox.tokens import Token
from tests.road.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

USER_TOKEN = "xoxp-1-2-mia"


def names(town: Town) -> list[str]:
    workspace = town.sandbox.workspace
    (group,) = (one for one in workspace.usergroups.values() if one.handle == "oncall")
    return sorted(workspace.users[ident].name for ident in group.users)


def topic(town: Town) -> str:
    channel = town.sandbox.workspace.find_channel("releases")
    assert channel is not None
    return channel.topic


async def test_slack_follows_the_shift_from_start_to_reload(tmp_path: Path):
    def change(settings: dict[str, Any]) -> None:
        (tmp_path / "user-token").write_text(USER_TOKEN)
        group = next(one.id for one in town_of.workspace.usergroups.values() if one.handle == "oncall")
        primary = {
            "channel": "releases",
            "layers": [{"people": ["mia"], "from": "2026-01-05"}],
            "follow": {"usergroup": group, "topic": "always"},
        }
        settings["oncall"] = {"user_token": f"file:{tmp_path}/user-token", "schedules": {"primary": primary}}
        settings["permissions"] = [{"allow": ["*"], "to": ["everyone"]}]

    async with Town.build(tmp_path, start=False) as town:
        town_of = town.sandbox
        await town.configure(change)
        mia = town.sandbox.workspace.find_user("mia")
        assert mia is not None
        town.app.tokens[USER_TOKEN] = Token("user", mia.id, frozenset({"usergroups:write"}))
        await town.start()

        async def follows(*people: str) -> bool:
            return names(town) == list(people) and topic(town).endswith(f"[on call for primary: {', '.join(people)}]")

        await town.until(lambda: follows("mia"), "the group and the topic follow who is on call")
        await town.slash("raj", "/shipmate oncall take primary")
        await town.until(lambda: follows("raj"), "they follow who took over")
        await town.slash("mia", "/shipmate health")
        await town.see("on call in Slack", "Slack follows 1", viewer="mia")
        status, said = await town.shipmate("check", "--config", str(tmp_path / "shipmate.yaml"))
        assert "follows it, 1 in it now" in said, said
        assert status == 0, said

        town.settings["oncall"]["schedules"]["primary"].pop("follow")
        (tmp_path / "shipmate.yaml").write_text(yaml.safe_dump(town.settings, sort_keys=False))
        assert town.process is not None
        town.process.send_signal(signal.SIGHUP)

        async def left() -> bool:
            return topic(town) == "What ships when"

        await town.until(left, "the topic is given back")
