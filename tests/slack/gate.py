"""A proxy before Slack's Web API that can hold a call: before it reaches Slack, or with Slack's answer in its hand."""

import asyncio

import aiohttp
from aiohttp import web


class Gate:
    """Passes calls on to `upstream`; the `number`th call of `method` is held at `point` until the gate is opened."""

    def __init__(self, upstream, session):
        self.upstream = upstream
        self.session = session
        self.url = ""
        self.held = asyncio.Event()
        self._method = ""
        self._point = ""
        self._number = 0

    def hold(self, method, point, number=1):
        self._method, self._point, self._number = method, point, number
        self.held.clear()

    def open(self):
        self._number = 0

    async def start(self):
        app = web.Application()
        app.add_routes([web.route("*", "/api/{method}", self._pass)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        return runner

    async def _pass(self, request):
        method = request.match_info["method"]
        chosen = False
        if method == self._method and self._number > 0:
            self._number -= 1
            chosen = self._number == 0
        if chosen and self._point == "before":
            await self._hold()
        kept = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        async with self.session.request(
            request.method, self.upstream + method, params=request.query, data=await request.read(), headers=kept
        ) as answer:
            body = await answer.read()
            if chosen and self._point == "after":
                await self._hold()
            return web.Response(status=answer.status, body=body, content_type="application/json")

    async def _hold(self):
        self.held.set()
        await asyncio.Event().wait()  # whoever called is killed now


async def opened(upstream, stack):
    """Start a gate that ends with the stack."""
    session = await stack.enter_async_context(aiohttp.ClientSession())
    gate = Gate(upstream, session)
    runner = await gate.start()
    stack.push_async_callback(runner.cleanup)
    return gate
