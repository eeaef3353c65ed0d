"""Slack is away in a storm of alerts, and a channel is archived: pages go on, nothing is lost, nothing floods."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from bot.demo.surroundings import free_port
from tests.road.crash_town import CrashTown
from tests.road.test_alerts import cards, use_alertmanager
from tests.road.town import Json, words
from tests.servers.pagers.smtp import Letters, smtp_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BEGAN = datetime.now(UTC).isoformat()
MAILBOX = "mia@example.org"


class Source:
    """An Alertmanager that tells of groups of one alert each."""

    def __init__(self, town: CrashTown, token: str) -> None:
        self._town = town
        self._token = token

    async def tell(self, names: Iterable[str], *, severity: str = "warning", over: bool = False) -> None:
        """Tell that these fire, or are over."""
        for name in names:
            group = {"alertname": name, "service": "checkout"}
            alert = {
                "status": "resolved" if over else "firing",
                "labels": {**group, "severity": severity, "environment": "production"},
                "annotations": {"summary": f"{name} is wrong"},
                "startsAt": BEGAN,
                "endsAt": datetime.now(UTC).isoformat() if over else "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": name.encode().hex()[:16],
            }
            body = {
                "version": "4",
                "groupKey": f"{{}}:{name}",
                "truncatedAlerts": 0,
                "status": alert["status"],
                "receiver": "bot",
                "groupLabels": group,
                "commonLabels": {},
                "commonAnnotations": {},
                "externalURL": "",
                "alerts": [alert],
            }
            url = f"http://127.0.0.1:{self._town.ports['shipmate']}/hooks/alertmanager"
            headers = {"Authorization": f"Bearer {self._token}"}
            async with self._town.http.post(url, json=body, headers=headers) as answer:
                assert answer.status == 204, await answer.text()


def configured(settings: Json, town_folder, token: str, letters: Letters) -> None:
    use_alertmanager(settings, town_folder, f"http://127.0.0.1:{free_port()}", token)
    settings["alerts"]["storm"] = {"rate": 5}
    settings["integrations"]["mail"] = {
        "type": "smtp",
        "host": "127.0.0.1",
        "port": letters.port,
        "security": "none",
        "sender": "shipmate@example.org",
    }
    settings["paging"] = {
        "chains": {"primary": [{"notify": {"person": "mia", "important": True}}]},
        "people": {
            "mia": {
                "addresses": {"email": {"with": "mail", "to": MAILBOX}},
                "important": ["slack", {"by": "email", "after": "30m"}],
            }
        },
        "severities": {"critical": "primary"},
    }


async def test_slack_is_away_in_the_middle_of_a_storm(tmp_path):
    """The page goes by e-mail though that is due in half an hour; afterwards one message tells of all there was."""
    token = secrets.token_hex(16)
    async with (
        smtp_server() as letters,
        CrashTown.build(tmp_path, change=lambda settings: configured(settings, tmp_path, token, letters)) as town,
    ):
        source = Source(town, token)
        await source.tell(f"Before{number}" for number in range(3))
        await town.see("A-1 ·", "*firing*")
        await town.control("away", on=True)
        await source.tell(f"Storm{number}" for number in range(60))
        await source.tell(["Grave"], severity="critical")

        async def paged() -> bool:
            return any("Grave" in str(letter["Subject"]) for letter in letters.received)

        await town.until(paged, "the page goes another way while Slack is away")
        await source.tell((f"Storm{number}" for number in range(40)), over=True)
        await town.control("away", on=False)
        storm = await town.see("ST-1 ·", "*38 over, 20 firing*")
        await town.see("Grave · checkout production · critical", "*firing*")
        await town.quiet()
        told = [one for one in await town.messages() if one.get("thread_ts", one["ts"]) == one["ts"]]
        alone = [one for one in told if words(one).startswith("A-") and not one.get("ephemeral_to")]
        assert len(alone) == 5 + 1, "the first five, and what is grave"
        assert [one["ts"] for one in told if "ST-1 ·" in words(one)] == [storm["ts"]]
        status, said = await town.shipmate("do", "alerts --storm ST-1")
        assert status == 0, said
        assert "Storm59" in said


async def test_a_channel_is_archived(tmp_path):
    """It is told of in the channel of all others, and acknowledging works from there."""
    token = secrets.token_hex(16)
    async with (
        smtp_server() as letters,
        CrashTown.build(tmp_path, change=lambda settings: configured(settings, tmp_path, token, letters)) as town,
    ):
        channel = town.sandbox.workspace.find_channel("checkout")
        assert channel is not None
        channel.is_archived = True
        await Source(town, token).tell(["Lonely"])
        shown = await town.see("Lonely", "cannot be shown in its own channel", channel="releases")
        assert "is_archived" in words(shown)
        await town.press("mia", shown, "Acknowledge")

        async def acknowledged() -> bool:
            status, said = await town.shipmate("do", "alert A-1")
            return status == 0 and "acknowledged" in said

        await town.until(acknowledged, "she is on it")
        assert not await cards(town)
