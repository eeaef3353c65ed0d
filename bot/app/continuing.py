"""Continuous deployment in the running bot: its parts, its events, its polling."""

from typing import TYPE_CHECKING

from bot.command import Invocation
from bot.continuous import workflow
from bot.continuous.continuous import Continuous
from bot.continuous.intake import Intake
from bot.continuous.parts import Parts
from bot.continuous.polling import Polling
from bot.reply import Reply
from bot.store import Tx
from bot.webhooks import EventHandler
from integrations.contract import WebhookEvent

if TYPE_CHECKING:
    from bot.app.composition import App


class Continuing:
    """Continuous deployment, made for one running bot."""

    def __init__(self, app: "App") -> None:
        self._app = app
        parts = Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            catalog=lambda: app.catalog,
            toolbox=app.toolbox,
            permissions=app.permissions,
            outbox=app.slack.outbox,
            deployments=app.deployments,
            ask=self._ask,
            channel_of=app.channel_of,
        )
        self.continuous = Continuous(parts)
        self.polling = Polling(parts, self.continuous)
        self._intake = Intake(parts, self.continuous)

    def bind(self) -> None:
        """Give the workflows what they work with; called before the engine is launched."""
        workflow.bind(self.continuous)

    def hearing(self, told: dict[str, EventHandler]) -> dict[str, EventHandler]:
        """Return handlers that do what those of `told` do, and have places looked at that an event concerns."""
        return {**told, **{kind: _both(told.get(kind), ours) for kind, ours in self._intake.handlers.items()}}

    async def _ask(self, invocation: Invocation) -> Reply:
        dispatcher = self._app.dispatcher
        return await dispatcher.answer(invocation, dispatcher.parse(invocation))


def _both(theirs: EventHandler | None, ours: EventHandler) -> EventHandler:
    async def handle(tx: Tx, event: WebhookEvent) -> None:
        if theirs is not None:
            await theirs(tx, event)
        await ours(tx, event)

    return handle
