"""A workspace beside a test: it runs in a thread of its own and is used by plain calls."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from bot.sandbox.apps import App, AppConfig
from bot.sandbox.clock import wall_clock
from bot.sandbox.errors import Json
from bot.sandbox.options import Options
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.seed import Seed

_DEADLINE = 60.0


class RunningWorkspace:
    """A workspace that runs from `start` to `stop`, or inside a `with` block.

    Every method waits for its answer. In an asynchronous test that answers the workspace in the same event loop, call
    them by `await asyncio.to_thread(…)`, or the loop could not answer.
    """

    def __init__(self, seed: Seed | None = None, options: Options | None = None) -> None:
        """Build the workspace; nothing runs before `start`."""
        self._ahead = 0.0
        self.sandbox = Sandbox(seed, options, self._now)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slack-workspace", daemon=True)

    def _now(self) -> float:
        return wall_clock() + self._ahead

    def start(self) -> None:
        """Begin to listen on a free port of this machine."""
        self._thread.start()
        try:
            self._run(self.sandbox.start())
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """Close every connection and end the thread."""
        try:
            self._run(self.sandbox.stop())
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, work: Any) -> Any:  # noqa: ANN401 - any coroutine, and what it returns
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(_DEADLINE)

    @property
    def url(self) -> str:
        """Return the address of the page."""
        return self.sandbox.url

    @property
    def api_url(self) -> str:
        """Return the `base_url` for Slack clients."""
        return self.sandbox.api_url

    def install(self, manifest: Mapping[str, object], **settings: Any) -> App:  # noqa: ANN401 - those of AppConfig
        """Install an app and return it with its tokens; `settings` are those of `AppConfig`, such as `request_url`.

        Raises `ManifestError` for a faulty manifest.
        """
        app = self._run(self.sandbox.install(AppConfig(manifest=manifest, **settings)))
        if not isinstance(app, App):
            raise TypeError("the workspace installed no app")
        return app

    def advance(self, seconds: float) -> None:
        """Move the workspace's clock on: trigger ids and response URLs expire by it, limits fill up again."""
        self._ahead += seconds

    def post(self, path: str, **fields: object) -> Json:
        """Do something by the control API, for example `post("reactions", user="mia", channel=…, ts=…, name="eyes")`.

        Raises `ValueError` with the sentence of the answer when the request itself is wrong; what Slack refuses has
        `ok` false.
        """
        return self._ask(Request(f"{self.url}/_sandbox/{quote(path)}", json.dumps(fields).encode(), _JSON))  # noqa: S310 - our own server

    def get(self, path: str, **query: str) -> Json:
        """Look something up by the control API, for example `get("state", viewer="mia")`."""
        return self._ask(Request(f"{self.url}/_sandbox/{quote(path)}?{urlencode(query)}"))  # noqa: S310 - our own server

    def _ask(self, request: Request) -> Json:
        try:
            with urlopen(request, timeout=_DEADLINE) as response:  # noqa: S310 - our own server
                answer: Json = json.load(response)
        except HTTPError as error:
            with error:
                told: Json = json.load(error)
            raise ValueError(str(told.get("message", told))) from None
        return answer

    def says(self, user: str, text: str, channel: str, **more: object) -> Json:
        """Have a person write a message; `channel` is a name, an id, or `@bot` for a direct message."""
        return self.post("messages", user=user, channel=channel, text=text, **more)

    def types(self, user: str, command: str, channel: str) -> Json:
        """Have a person type a slash command with its text, such as `/ship checkout`; `posted` is what they saw."""
        name, _, text = command.partition(" ")
        return self.post("commands", user=user, channel=channel, command=name, text=text)

    def presses(self, user: str, channel: str, ts: str, action_id: str, value: object = None) -> Json:
        """Have a person press a button, or choose `value`, in a message."""
        return self.post("actions", user=user, channel=channel, ts=ts, action_id=action_id, value=value)

    def messages(self, channel: str, viewer: str = "") -> list[Json]:
        """Return a channel's messages, oldest first; with a viewer, what that person sees."""
        found = self.get(f"channels/{channel}", **({"viewer": viewer} if viewer else {}))["messages"]
        return list(found)

    def until(self, look: Callable[[], Any], deadline: float = _DEADLINE) -> Any:  # noqa: ANN401 - whatever is looked for
        """Return the first truthy answer of `look`, asked again after each change; raises `TimeoutError`."""
        changed = threading.Event()
        forget = self.sandbox.platform.changes.observe(lambda _: changed.set())
        ends = self._loop.time() + deadline
        try:
            while not (found := look()):
                if not changed.wait(ends - self._loop.time()):
                    raise TimeoutError(f"nothing like it came within {deadline:g} seconds")
                changed.clear()
        finally:
            forget()
        return found

    def message(self, text: str, channel: str, viewer: str = "") -> Json:
        """Wait for a message with this text in it and return it; raises `TimeoutError`."""
        found: Json = self.until(
            lambda: next((one for one in self.messages(channel, viewer) if text in str(one["text"])), None)
        )
        return found


_JSON = {"Content-Type": "application/json"}
