"""Where Slack's deliveries come in: each becomes an `Invocation`, is acknowledged in time, and answered once."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeAlias

import structlog
from msgspec.structs import replace

from bot import refusals
from bot.arguments import SUBJECT_ARGS, Incomplete, grammar_of, slot_of, takes_subject
from bot.clock import Clock
from bot.command import Command, Effect, Invocation, Trigger
from bot.dispatch import Parsed
from bot.errors import BadInput, Degraded, UserError
from bot.reply import Button, Reply
from bot.slack import buttons, modals, quoting, reading
from bot.slack.acks import Acks
from bot.slack.answers import Answers
from bot.slack.asking import Asking
from bot.slack.connection import Connection, SlackError
from bot.slack.metrics import METRICS
from bot.slack.mrkdwn import Json
from bot.slack.posts import Posts
from bot.slack.seen import Seen
from bot.slack.tasks import Busy, Tasks
from bot.slack.who import Who
from bot.store import StoreUnavailable

_log = structlog.get_logger(__name__)

Acknowledgement: TypeAlias = Json | str | None
"""What Slack is answered: JSON, as such or already as text; None for nothing."""

WAIT_FOR_PERSON = 0.35
WAIT_FOR_READ = 0.4
"""Seconds: an acknowledgement must go within half a second."""
PATIENCE = 5.0
"""Seconds to wait for Slack to say who asks, where the acknowledgement does not."""
STALE_SECONDS = 300.0
"""A reaction that arrives later than this does nothing: nobody remembers having made it."""
_BUSY = Degraded("busy", "Shipmate has too much to do just now; nothing was started. Try again in a minute.").reply()


class Road(Protocol):
    """What the edge needs of the dispatcher."""

    def parse(self, invocation: Invocation) -> Parsed | Incomplete:
        """Return what was asked, or what is missing; raises BadInput."""
        ...

    async def answer(self, invocation: Invocation, parsed: Parsed | Incomplete) -> Reply:
        """Run a command and return its reply."""
        ...

    async def accept(self, invocation: Invocation) -> bool:
        """Store a change, to be run; False when it was seen before."""
        ...


class Edge:
    """Takes deliveries; `listeners` is what Bolt calls, payload in, JSON of the acknowledgement out."""

    def __init__(  # noqa: PLR0913 - its parts
        self,
        road: Road,
        registry: Mapping[str, Command],
        clock: Clock,
        connection: Connection,
        *,
        who: Who,
        posts: Posts,
        answers: Answers,
        asking: Asking,
        publish_home: Callable[[str], Coroutine[Any, Any, None]],
        person_changed: Callable[[Json], Coroutine[Any, Any, None]],
        unfurl: Callable[[Json], Coroutine[Any, Any, None]],
        names: Mapping[str, str],
        reactions: Mapping[str, str],
    ) -> None:
        self._road = road
        self._registry = registry
        self._clock = clock
        self._connection = connection
        self._who = who
        self._posts = posts
        self._answers = answers
        self._asking = asking
        self._publish_home = publish_home
        self._person_changed = person_changed
        self._unfurl = unfurl
        self._names = names
        self._reactions = reactions
        self._seen = Seen()
        self._acks = Acks()
        self.tasks = Tasks()
        self.listeners = {
            "command": self._timed("command", self._command),
            "action": self._timed("action", self._action),
            "options": self._timed("options", asking.options),
            "view": self._timed("view", self._submission),
            "view_closed": self._timed("view_closed", self._nothing),
            "event": self._timed("event", self._event),
            "shortcut": self._timed("shortcut", self._shortcut),
        }

    async def close(self, seconds: float = 5.0) -> None:
        """Wait for the answers that are still on their way."""
        await self.tasks.close(seconds)

    def _timed(self, kind: str, listener: Any) -> Any:  # noqa: ANN401 - the shape of a listener, in and out
        observed = METRICS.acknowledged.labels(kind=kind)

        async def listen(body: Json) -> Acknowledgement:
            started = self._clock.monotonic()
            try:
                answer: Acknowledgement = await listener(body)
                return answer
            finally:
                observed.observe(self._clock.monotonic() - started)

        return listen

    # What arrives, by kind

    async def _command(self, body: Json) -> Acknowledgement:
        invocation = reading.command(body, self._names, self._who.workspace(), self._clock.now())
        return await self._take(invocation, in_ack=True)

    async def _action(self, body: Json) -> Acknowledgement:
        pressed = buttons.read((body.get("actions") or [{}])[0])
        if pressed is None:
            return None  # a link, or a button of another version: Slack has done what there is to do
        invocation = reading.press(body, pressed, self._who.workspace(), self._clock.now())
        if invocation.channel is not None and invocation.message_ts:
            subject = await self._subject(invocation)
            invocation = replace(invocation, subject=subject or "")
        return await self._take(invocation, ask=pressed.ask)

    async def _shortcut(self, body: Json) -> Acknowledgement:
        name = modals.command_name(body)
        invocation = reading.shortcut(body, name, self._who.workspace(), self._clock.now())
        if body.get("type") == "message_action":
            self._spawn("message", self._ask_about(invocation, str((body.get("message") or {}).get("text") or "")))
            return None
        return await self._take(invocation, ask=True)

    async def _ask_about(self, invocation: Invocation, text: str) -> None:
        """Open the modal of a command with what a message says."""
        command = self._registry.get(invocation.command)
        if command is not None and invocation.channel is not None:
            link = await quoting.link_to(self._connection, invocation.channel.channel, invocation.message_ts)
            invocation = replace(invocation, args=quoting.arguments_of(command, text, link))
            invocation = await self._placed(invocation, command)
        await self._take(invocation, ask=True)

    async def _submission(self, body: Json) -> Acknowledgement:
        view = body.get("view") or {}
        command = self._registry.get(modals.command_name(view))
        if command is None:
            return None
        args = modals.values(view, command)
        kept = reading.metadata(view)
        invocation = reading.submission(body, command.name, args, kept, self._who.workspace(), self._clock.now())
        return await self._take(invocation, view=view)

    async def _event(self, body: Json) -> Acknowledgement:
        event = body.get("event") or {}
        match event.get("type"):
            case "app_mention":
                await self._said_to_us(body)
            case "message" if event.get("channel_type") == "im":
                await self._said_to_us(body)
            case "reaction_added":
                await self._reacted(body)
            case "app_home_opened" if event.get("tab", "home") == "home":
                self._spawn("home", self._publish_home(str(event.get("user") or "")))
            case "link_shared" if not self._seen.before(str(body.get("event_id"))):
                self._spawn("unfurl", self._unfurl(body))
            case "user_change":
                self._spawn("person", self._person_changed(event.get("user") or {}))
            case "app_uninstalled" | "tokens_revoked":
                self._connection.check_soon("Slack says that the app was uninstalled or its token revoked")
            case _:
                pass  # nothing we asked for
        return None

    async def _nothing(self, body: Json) -> Acknowledgement:
        """Take note of a closed view: nothing was asked."""
        self._seen.before(reading.view_delivery(body))
        return None

    async def _said_to_us(self, body: Json) -> None:
        invocation = reading.mention(body, self._who.workspace(), self._clock.now())
        if invocation is None or self._who.is_us(invocation.person.user):
            return
        if invocation.thread_ts:
            invocation = replace(invocation, subject=await self._subject(invocation) or "")
        await self._take(invocation)

    async def _reacted(self, body: Json) -> None:
        """Take a reaction that stands for a command, on a message about something of ours, made just now."""
        found = reading.reaction(body, self._who.workspace(), self._clock.now())
        if found is None or self._who.is_us(found.person.user):
            return
        name = self._reactions.get(found.name)
        command = self._registry.get(name) if name else None
        if command is None or (self._clock.now() - found.at).total_seconds() > STALE_SECONDS:
            return
        if quoting.takes_message(command):
            self._spawn("message", self._offer_about(found, command))
            return
        subject = await self._posts.subject_of(found.channel, found.ts)
        if subject is None:
            return
        slots = grammar_of(command.args).slots
        invocation = Invocation(
            delivery_id=found.delivery_id,
            trigger=Trigger.REACTION,
            person=found.person,
            at=found.at,
            command=command.name,
            args={slot: subject for slot in SUBJECT_ARGS if slot in slots},
            channel=found.channel,
            message_ts=found.ts,
            subject=subject,
        )
        await self._take(invocation)

    async def _offer_about(self, found: reading.Reaction, command: Command) -> None:
        """Offer a command with the message that somebody of ours reacted to: a button, which opens the modal."""
        if not self._who.may_be_ours(found.person):
            return
        place = found.channel.channel
        try:
            text, thread = await quoting.text_of(self._connection, place, found.ts)
        except SlackError as error:
            _log.warning("a message could not be read", reason=error.failure.reason)
            return
        link = await quoting.link_to(self._connection, place, found.ts)
        invocation = Invocation(
            delivery_id=found.delivery_id,
            trigger=Trigger.REACTION,
            person=found.person,
            at=found.at,
            command=command.name,
            args=quoting.arguments_of(command, text, link),
            channel=found.channel,
            message_ts=found.ts,
            thread_ts=thread,
        )
        placed = await self._placed(invocation, command)
        if invocation.args and (placed.subject or not takes_subject(command)):
            await self._take(placed)

    # The road of every wish

    async def _take(
        self, invocation: Invocation, *, in_ack: bool = False, ask: bool = False, view: Json | None = None
    ) -> Acknowledgement:
        """Do what one delivery asks, once; return the acknowledgement.

        `in_ack`: an answer may stand in the acknowledgement. `ask`: open the command's modal. `view`: the modal
        that was submitted, below whose inputs errors are shown.
        """
        if self._seen.before(invocation.delivery_id):
            METRICS.repeated.labels(kind=invocation.trigger.value).inc()
            return None
        try:
            return await self._attempt(invocation, in_ack=in_ack, ask=ask, view=view)
        except Busy:
            self._seen.forget(invocation.delivery_id)
            return self._acks.of(_BUSY) if in_ack else None
        except BaseException:
            self._seen.forget(invocation.delivery_id)  # a mistake of ours: Slack may try again
            raise

    async def _attempt(self, invocation: Invocation, *, in_ack: bool, ask: bool, view: Json | None) -> Acknowledgement:
        try:
            found: Parsed | Incomplete
            if ask:
                found = Incomplete(self._known(invocation.command), invocation.args, ())
            else:
                found = self._road.parse(invocation)
            return await self._go(invocation, found, in_ack=in_ack)
        except UserError as error:
            if isinstance(error, Degraded):
                self._seen.forget(invocation.delivery_id)  # nothing was done: it may come again
            if not self._who.may_be_ours(invocation.person):
                error = refusals.stranger(guest=False)  # no hints for people of other organisations
            if view is not None and (command := self._registry.get(invocation.command)) is not None:
                return modals.errors(command, view, error)
            return self._told(invocation, error.reply(), in_ack=in_ack)

    async def _go(self, invocation: Invocation, found: Parsed | Incomplete, *, in_ack: bool) -> Acknowledgement:
        if isinstance(found, Incomplete):
            self._spawn(f"ask {found.command.name}", self._ask(invocation, found))
        elif found.command.effect is Effect.CHANGE:
            invocation = await self._who.identified(invocation, WAIT_FOR_PERSON)
            if not await self._road.accept(invocation):
                METRICS.repeated.labels(kind=invocation.trigger.value).inc()
        elif found.command.effect is Effect.READ and in_ack:
            return await self._read(invocation, found)
        else:
            self._spawn(f"answer {found.command.name}", self._look_up(invocation, found))
        return None

    async def _read(self, invocation: Invocation, parsed: Parsed) -> Acknowledgement:
        """Answer in the acknowledgement; what takes too long is read anew, and answered through the response URL."""
        try:
            async with asyncio.timeout(WAIT_FOR_READ):
                invocation = await self._who.identified(invocation, PATIENCE)
                reply = await self._road.answer(invocation, parsed)
        except TimeoutError:
            self._spawn(f"late {parsed.command.name}", self._look_up(invocation, parsed))
            return None
        return self._told(invocation, reply, in_ack=True)

    async def _look_up(self, invocation: Invocation, wanted: Parsed | Incomplete) -> None:
        try:
            invocation = await self._who.identified(invocation, PATIENCE)
            reply = await self._road.answer(invocation, wanted)
        except UserError as error:
            reply = error.reply()
        await self._reply(invocation, reply)

    async def _ask(self, invocation: Invocation, wanted: Incomplete) -> None:
        """Open the modal of a command where Slack lets us; else the road says what is missing, or refuses."""
        try:
            invocation = await self._who.identified(invocation, PATIENCE)
        except UserError as error:
            await self._reply(invocation, error.reply())
            return
        if invocation.trigger_id and invocation.ours and not invocation.guest:
            await self._asking.open(invocation, wanted.command, wanted.given)
        else:
            await self._look_up(invocation, wanted)

    async def open_form(self, invocation: Invocation, form: Button) -> bool:
        """Open a command's form in place of an answer that says what is missing; tell whether it stands open."""
        command = self._registry.get(form.command)
        shown = None if command is None else await self._asking.begin(invocation, command)
        if command is not None and shown is not None:
            self._spawn(f"fill {command.name}", self._asking.fill(invocation, command, form.args, shown))
        return shown is not None

    def _told(self, invocation: Invocation, reply: Reply, *, in_ack: bool) -> Acknowledgement:
        """Return the reply as an acknowledgement where that is possible, else send it."""
        if in_ack and (made := self._acks.of(reply)) is not None:
            return made
        self._spawn("reply", self._reply(invocation, reply))
        return None

    async def _reply(self, invocation: Invocation, reply: Reply) -> None:
        try:
            await self._answers.reply(invocation, reply)
        except SlackError as error:
            # A failure to post is never itself posted.
            _log.warning(
                "an answer did not reach who asked",
                reason=error.failure.reason,
                code=reply.code,
                delivery_id=invocation.delivery_id,
                person=invocation.person.key,
            )

    def _spawn(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        self.tasks.spawn(name, work)

    def _known(self, name: str) -> Command:
        command = self._registry.get(name)
        if command is None:
            raise BadInput("unknown_command", f"{name!r} is no command of this version of Shipmate.")
        return command

    async def _placed(self, invocation: Invocation, command: Command) -> Invocation:
        """Return an invocation with what the thread it comes from is about, where the command takes that."""
        subject = (await self._subject(invocation) if takes_subject(command) else None) or ""
        name = slot_of(command, subject)
        return replace(invocation, subject=subject, args={**invocation.args, name: subject}) if name else invocation

    async def _subject(self, invocation: Invocation) -> str | None:
        """Return what the message or thread is about, None when it is unknown or the store does not say."""
        if invocation.channel is None:
            return None
        try:
            for ts in (invocation.message_ts, invocation.thread_ts):
                if ts and (subject := await self._posts.subject_of(invocation.channel, ts)) is not None:
                    return subject
        except StoreUnavailable:
            _log.warning("what a message is about cannot be read now", delivery_id=invocation.delivery_id)
        return None
