"""A connector that says commands to Opsdroid in its own process, and measures from the message to the sent answer."""

import taking
from opsdroid.connector import Connector, register_event
from opsdroid.events import Message


class Measured(Connector):
    """Opsdroid with the least that a connector has."""

    def __init__(self, config, opsdroid=None):
        super().__init__(config, opsdroid=opsdroid)
        self.name = "measured"
        self._sent = 0

    async def connect(self):
        pass

    async def disconnect(self):
        pass

    @register_event(Message)
    async def respond(self, message):
        self._sent += 1

    async def _one(self, number):
        before = self._sent
        await self.opsdroid.parse(Message(text=f"echo hello {number}", user="mia", target="c", connector=self))
        assert self._sent > before, "not answered"

    async def listen(self):
        await taking.take(self._one, len(self.opsdroid.skills))
