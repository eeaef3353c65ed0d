"""A workspace of Slack with the people of the rig in it, a user group and channels, and the rig connected to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.sandbox import AppConfig
from bot.sandbox.seed import Seed
from bot.sandbox.tokens import Token
from bot.slack import manifest
from tests.deployments.rig import TEAM
from tests.oncall.rig import PRIMARY, Rig, up
from tests.slack.office import BOT_TOKEN, Office, workspace

USER_TOKEN = "xoxp-1-2-mia"
NAMES = ("mia", "tom", "ana", "raj", "zoe")
TOPIC = "Ropes & sails, R&copy, <https://example.org>"


def seed(editors: str = "members") -> Seed:
    people = [{"name": one, "real_name": one.title(), "id": f"U0{one.upper()}"} for one in NAMES]
    return Seed.parse(
        {
            "team": {"name": "Acme", "domain": "acme", "id": TEAM, "usergroup_editors": editors},
            "users": people,
            "channels": [
                {"name": "ops", "members": NAMES, "id": "C0OPS", "topic": TOPIC},
                {"name": "general", "members": NAMES},
            ],
            "usergroups": [{"handle": "oncall", "name": "On call", "members": ["zoe"]}],
        }
    )


class Workplace:
    """The rig and the workspace it speaks to."""

    def __init__(self, office: Office, rig: Rig, group: str) -> None:
        self.office = office
        self.rig = rig
        self.group = group

    @property
    def members(self) -> list[str]:
        return sorted(self.office.sandbox.workspace.usergroups[self.group].users)

    @property
    def topic(self) -> str:
        return str(self.office.sandbox.workspace.channels["C0OPS"].topic)

    async def sent(self, method: str) -> int:
        return len(await self.office.calls(method))

    async def follow(self, *, minutes: float = 0) -> None:
        """Bring to Slack what is due then."""
        if minutes:
            await self.rig.move_on(minutes=minutes)
        await self.rig.oncall.following.follow_due()

    async def shift(self, people: tuple[str, ...] | None) -> None:
        """Have these be on call by the configuration, and have it told. None: nobody."""
        layer = {"people": [list(people)] if people else ["mia"], "from": "2026-01-05"}
        if people is None:
            layer["until"] = "2026-01-05"
            layer["from"] = "2026-01-04"
        self.configure({**self.rig.config["oncall"]["schedules"]["primary"], "layers": [layer]})
        await self.tell()

    async def tell(self) -> None:
        async with self.rig.store.write() as tx:
            await self.rig.oncall.changes.tell(tx, "primary", await self.rig.oncall.changes.look("primary"))

    def configure(self, primary: dict[str, Any], **more: Any) -> None:
        self.rig.configure(primary=primary, **more)


@asynccontextmanager
async def working(
    folder: Path,
    *,
    follow: dict[str, Any] | None = None,
    group: bool = True,
    token: str = USER_TOKEN,
    scopes: tuple[str, ...] = ("usergroups:write",),
    editors: str = "members",
    url: str = "",
) -> AsyncIterator[Workplace]:
    """Yield a workplace in which mia is on call and `follow` follows; a person's token stands for mia."""
    async with workspace(seed(editors)) as office:
        ident = next(iter(office.sandbox.workspace.usergroups))
        wish = {**({"usergroup": ident} if group else {}), **(follow or {})}
        schedules = {"primary": {**PRIMARY, "follow": wish}}
        async with up(
            folder, engine=False, schedules=schedules, token=token, api_url=office.sandbox.api_url, url=url
        ) as rig:
            built = manifest.build(rig.settings, {})
            app = office.sandbox.platform.apps.install(
                AppConfig(
                    manifest=built,
                    mode="socket",
                    bot_token=BOT_TOKEN,
                    app_token="xapp-1-A1-office",
                    signing_secret="s" * 16,
                )
            )
            app.tokens[USER_TOKEN] = Token("user", "U0MIA", frozenset(scopes))
            await rig.slack.open()
            made = Workplace(office, rig, ident)
            await made.tell()
            yield made
