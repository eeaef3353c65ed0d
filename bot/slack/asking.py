"""Asks for what is missing of a command: opens its modal, fills its menus, or says how to type it."""

import asyncio
from collections.abc import Mapping

import structlog

from bot.arguments import grammar_of
from bot.clock import Clock
from bot.command import Call, Command, Invocation, World
from bot.errors import UserError
from bot.reply import Button, text
from bot.slack import modals, reading
from bot.slack.answers import Answers
from bot.slack.connection import Connection, SlackError
from bot.slack.failures import Cause
from bot.slack.mrkdwn import Json
from bot.slack.who import Who

_log = structlog.get_logger(__name__)

WAIT_FOR_OPTIONS = 2.5
"""Seconds: Slack gives up on a menu after three."""


class Asking:
    """Modals of commands, from opening to the options of their menus."""

    def __init__(
        self,
        registry: Mapping[str, Command],
        world: World,
        clock: Clock,
        connection: Connection,
        answers: Answers,
        who: Who,
    ) -> None:
        self._registry = registry
        self._world = world
        self._clock = clock
        self._connection = connection
        self._answers = answers
        self._who = who

    async def open(self, invocation: Invocation, command: Command, given: Mapping[str, str]) -> None:
        """Open the modal: at once, with a loading view while options are looked up (a trigger lasts 3 s)."""
        slots = list(grammar_of(command.args).slots.values())
        first = slots[0].arg.options if slots else None
        pairs = next((slot for slot in slots if slot.arg.inputs is not None), None)
        try:
            if first is None and pairs is None:
                view = modals.build(command, given, invocation)
                await self._connection.call("views.open", {"trigger_id": invocation.trigger_id, "view": view})
                return
            await self._fill(invocation, command, given, await self._loading(invocation, command))
        except SlackError as error:
            await self._not_opened(invocation, command, given, error)

    async def begin(self, invocation: Invocation, command: Command) -> Json | None:
        """Open the loading view of a modal that `fill` fills; None where Slack does not let us (any more)."""
        try:
            return await self._loading(invocation, command)
        except SlackError as error:
            _log.info("no form in place of the answer", command=command.name, reason=error.failure.reason)
            return None

    async def fill(self, invocation: Invocation, command: Command, given: Mapping[str, str], shown: Json) -> None:
        """Fill a modal that was opened by `begin`."""
        try:
            await self._fill(invocation, command, given, shown)
        except SlackError as error:
            await self._not_opened(invocation, command, given, error)

    async def _loading(self, invocation: Invocation, command: Command) -> Json:
        opened = await self._connection.call(
            "views.open", {"trigger_id": invocation.trigger_id, "view": modals.loading(command)}
        )
        shown: Json = opened.get("view") or {}
        return shown

    async def _fill(self, invocation: Invocation, command: Command, given: Mapping[str, str], shown: Json) -> None:
        """Look up what the modal offers, and show it."""
        slots = list(grammar_of(command.args).slots.values())
        first = slots[0].arg.options if slots else None
        inputs = next((slot.arg.inputs for slot in slots if slot.arg.inputs is not None), None)
        try:
            call = self._call(invocation)
            others = {name: value for name, value in given.items() if name != slots[0].name}
            view = modals.build(
                command,
                given,
                invocation,
                first_options=await first(call, others, "") if first is not None else (),
                inputs=await inputs(call, given) if inputs is not None else (),
            )
        except UserError as error:
            view = modals.told(command, error.reply())
        await self._connection.call(
            "views.update", {"view_id": shown.get("id"), "hash": shown.get("hash"), "view": view}
        )

    async def _not_opened(
        self, invocation: Invocation, command: Command, given: Mapping[str, str], error: SlackError
    ) -> None:
        _log.warning("a modal could not be opened", command=command.name, reason=error.failure.reason)
        if error.failure.cause is not Cause.REFUSED or "trigger" not in error.failure.reason:
            return
        try:
            again = Button(label="Fill in…", command=command.name, args=dict(given), ask=True)
            await self._answers.reply(invocation, text("That took too long for Slack. Once more:", None, again))
        except SlackError as also:
            _log.warning("nor could that be said", reason=also.failure.reason)

    async def options(self, body: Json) -> Json:
        """Answer a menu: the argument's own options for what is typed, with the other inputs as they stand.

        Source: https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        view = body.get("view") or {}
        command = self._registry.get(modals.command_name(view))
        slot = grammar_of(command.args).slots.get(str(body.get("action_id"))) if command else None
        if command is None or slot is None or slot.arg.options is None:
            return {"options": []}
        args = modals.values(view, command)
        args.pop(slot.name, None)
        invocation = reading.submission(
            body, command.name, args, reading.metadata(view), self._who.workspace(), self._clock.now()
        )
        typed = str(body.get("value") or "")
        try:
            async with asyncio.timeout(WAIT_FOR_OPTIONS):
                invocation = await self._who.identified(invocation, WAIT_FOR_OPTIONS)
                if not invocation.ours or invocation.guest:
                    return {"options": []}
                found = await slot.arg.options(self._call(invocation), args, typed)
        except (UserError, TimeoutError) as error:
            _log.info("no options", command=command.name, argument=slot.name, reason=str(error))
            found = ()
        return {"options": modals.option_list(found, typed, free=modals.takes_any_text(slot))}

    def _call(self, invocation: Invocation) -> Call:
        return Call(invocation=invocation, world=self._world, now=self._clock.now())
