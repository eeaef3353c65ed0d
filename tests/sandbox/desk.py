"""People at work in the sandbox: a client of the control API, and a clock that moves when told."""

import asyncio

DEADLINE = 60.0


class FakeClock:
    def __init__(self, start=1_800_000_000.0):
        self.now = start

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class Desk:
    """Does what people do, and waits for what they see."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self._session = session

    async def post(self, path, status=200, **fields):
        async with self._session.post(f"{self.sandbox.url}/_sandbox/{path}", json=fields) as response:
            body = await response.json()
            assert response.status == status, body
            return body

    async def get(self, path, status=200, **query):
        async with self._session.get(f"{self.sandbox.url}/_sandbox/{path}", params=query) as response:
            body = await response.json()
            assert response.status == status, body
            return body

    async def messages(self, channel="checkout", viewer=None):
        state = await self.get("state", **({"viewer": viewer} if viewer else {}))
        found = [one for one in state["channels"] if channel in {one["name"], one["id"]}]
        return found[0]["messages"] if found else []

    async def until(self, look):
        """Return the first truthy answer of `look`, asked again after every change; fails after the deadline."""
        with self.sandbox.platform.changes.listen() as changes:
            async with asyncio.timeout(DEADLINE):
                while not (found := await look()):
                    await changes.get()
        return found

    async def message(self, text, channel="checkout", viewer=None):
        """Wait for a message with this text and return it."""

        async def look():
            return next((m for m in await self.messages(channel, viewer) if m["text"] == text), None)

        return await self.until(look)

    async def view(self, user="mia"):
        """Wait for the topmost modal of a person and return it."""
        ident = self.sandbox.workspace.user(user).id

        async def look():
            stack = self.sandbox.platform.views.stacks.get(ident)
            return stack[-1].wire() if stack else None

        return await self.until(look)
