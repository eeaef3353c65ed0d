"""The Slack side, put together: one object that `bot.app` makes, connects and closes."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import structlog
from aiohttp import web as aiohttp_web
from msgspec import Struct
from slack_bolt.async_app import AsyncApp

from bot.clock import Clock
from bot.command import Command, Invocation, World
from bot.identity import Person
from bot.reply import Button, Message
from bot.settings import Settings
from bot.slack import bolt, freshness, manifest, web
from bot.slack.answers import Answers
from bot.slack.asking import Asking
from bot.slack.connection import Connection
from bot.slack.courier import Courier
from bot.slack.directory import Directory, PersonInfo, Usergroups
from bot.slack.edge import Edge, Road
from bot.slack.freshness import Freshness
from bot.slack.home import HomeTab
from bot.slack.mrkdwn import Json
from bot.slack.outbox import Outbox
from bot.slack.pacing import Pacing
from bot.slack.posts import Posts
from bot.slack.quoting import link_to
from bot.slack.sender import LEASE, Sender
from bot.slack.socket_link import SocketLink
from bot.slack.unfurl import Previewer, Unfurling
from bot.slack.who import Who
from bot.store import Store

_log = structlog.get_logger(__name__)


class SlackState(Struct, frozen=True):
    """How it stands with Slack, for health pages: in order or not, in words, and since when not."""

    ok: bool
    detail: str
    since: datetime | None = None


class Gateway:
    """Everything of Slack. Made first, so that others can write to its `outbox`; connected when they are made."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        *,
        owner: str,
        pacing: Pacing | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        self._settings = settings
        self._clock = clock
        slack = settings.slack
        self.connection = Connection(token=slack.bot_token.get_secret_value(), api_url=slack.api_url, clock=clock)
        self.directory = Directory(self.connection, clock)
        self.usergroups = Usergroups(self.directory)
        self.answers = Answers(self.connection, self.directory, clock, shared_channels=frozenset(slack.shared_channels))
        self.posts = Posts(store, clock)
        self.outbox = Outbox(store, clock)
        self.home = HomeTab(self.connection, self.directory)
        self.freshness = Freshness(self.home, store.signal(freshness.SIGNAL), clock)
        courier = Courier(store, self.connection, self.directory, self.answers)
        self.sender = Sender(
            store, self.outbox, self.posts, self.connection, courier, owner=owner, pacing=pacing, lease=lease
        )
        self.previewer: Previewer = _nothing_to_show
        self.on_person: list[Callable[[PersonInfo], Awaitable[None]]] = []
        self.edge: Edge | None = None
        self.app: AsyncApp | None = None
        self.link: SocketLink | None = None

    async def open(self) -> None:
        """Make the client and learn who we are, if Slack answers; `connection.identity` is set then."""
        await self.connection.open()

    async def connect(self, road: Road, registry: Mapping[str, Command], world: World) -> None:
        """Begin to send what waits and to take deliveries: over a socket, or over `routes()` in HTTP mode."""
        slack = self._settings.slack
        who = Who(self.connection, self.directory)
        self.edge = Edge(
            road,
            registry,
            self._clock,
            self.connection,
            who=who,
            posts=self.posts,
            answers=self.answers,
            asking=Asking(registry, world, self._clock, self.connection, self.answers, who),
            publish_home=self.freshness.opened,
            person_changed=self._person_changed,
            unfurl=Unfurling(self.connection, who, self.answers, self._clock, self._preview).shared,
            names=manifest.names(self._settings),
            reactions=slack.reactions,
        )
        self.app = bolt.make(
            self.connection,
            signing_secret=slack.signing_secret.get_secret_value(),
            listeners=self.edge.listeners,
        )
        await self.sender.start()
        self.freshness.start()
        if slack.mode == "socket":
            self.link = SocketLink(self.app, self.connection, self._clock, app_token=slack.app_token.get_secret_value())
            await self.link.start()

    def take_tokens(self, settings: Settings) -> None:
        """Use the tokens of a configuration that was read again: replaced ones count from now on."""
        self.connection.take_token(settings.slack.bot_token.get_secret_value())
        if self.link is not None:
            self.link.take_token(settings.slack.app_token.get_secret_value())

    async def open_form(self, invocation: Invocation, form: Button) -> bool:
        """Open a command's form for who asked; tell whether it stands open."""
        return self.edge is not None and await self.edge.open_form(invocation, form)

    async def _person_changed(self, told: Json) -> None:
        info = self.directory.learn(told)
        for hook in self.on_person:
            await hook(info)

    async def _preview(self, person: Person, url: str) -> Message | None:
        return await self.previewer(person, url)

    async def link_of(self, subject: str) -> str:
        """Return the address of a subject's card, "" before it is posted or when Slack does not tell it."""
        post = await self.posts.post_of(subject)
        return "" if post is None else await link_to(self.connection, post[0].channel, post[1])

    def routes(self) -> list[aiohttp_web.RouteDef]:
        """Return the routes Slack calls in HTTP mode; none in Socket Mode.

        Raises:
            RuntimeError: asked before `connect`; a mistake of ours.
        """
        if self._settings.slack.mode == "socket":
            return []
        if self.app is None:
            raise RuntimeError("the routes of Slack were asked for before it was connected")
        return web.routes(self.app, self._settings.slack.signing_secret.get_secret_value(), self._clock)

    async def close(self, seconds: float = 5.0) -> None:
        """Take nothing more, finish what is on its way within so many seconds, and disconnect."""
        if self.link is not None:
            await self.link.close(seconds)
        if self.edge is not None:
            await self.edge.close(seconds)
        await self.freshness.stop()
        await self.sender.close(seconds)
        await self.connection.close()

    async def state(self) -> SlackState:
        """Return how it stands with Slack: connection, token, and what could not be said."""
        trouble = self.connection.trouble
        if trouble is not None:
            what = "Slack does not take our token" if trouble.unauthorised else "Slack does not answer"
            return SlackState(ok=False, detail=f"{what}: {trouble.reason}", since=trouble.since)
        if self.link is not None and not self.link.connected.is_set():
            return SlackState(ok=False, detail=f"no Socket Mode connection: {self.link.reason}")
        parked = await self.outbox.parked()
        if parked:
            return SlackState(ok=False, detail=f"{len(parked)} messages refused, newest: {parked[0][1]}")
        lag = await self.outbox.lag()
        return SlackState(ok=True, detail=f"connected, {await self.outbox.waiting()} waiting, {lag.seconds} s behind")


async def _nothing_to_show(_person: Person, _url: str) -> None:
    """Stand in until the composition root sets `previewer`."""
