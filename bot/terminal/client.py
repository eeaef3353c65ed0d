"""`shipmate do "…"`: the client's side of the terminal."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3

ATTEMPTS: Final = 4
"""How often a server that cannot be reached, or a connection that broke, is tried: always under one request id."""

_LONGEST_LINE = 4 * 1024 * 1024
_AWAY = frozenset({502, 503, 504})
_MISUSED = frozenset({400, 413})
_NO_ANSWER = aiohttp.ClientTimeout(total=None, connect=5, sock_read=90)

Say = Callable[[str], None]


async def ask(
    text: str,
    *,
    url: str,
    token: str,
    wait: bool = False,
    as_json: bool = False,
    say: Say = print,
    pause: Callable[[float], Any] = asyncio.sleep,
) -> int:
    """Ask the Shipmate at `url` for one command, say its answer, and return the exit status.

    0 done, 1 refused or failed, 2 not understood, 3 not reachable. With `wait` what was started is followed until it
    ends. A connection that breaks is made again and asks the same, which never runs a change twice.
    """
    asking = _Asking({"text": text, "request_id": uuid.uuid4().hex}, say, wait=wait, as_json=as_json)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(timeout=_NO_ANSWER, headers=headers, read_bufsize=_LONGEST_LINE) as session:
        for attempt in range(ATTEMPTS):
            if attempt:
                await pause(2.0 ** (attempt - 1))
            status = await asking.attempt(session, f"{url.rstrip('/')}/api/do")
            if status is not None:
                return status
    doubt = " What was asked may have been stored: look before you ask again." if asking.sent else ""
    say(f"shipmate: no answer from {url}: {asking.trouble}.{doubt}")
    return UNREACHABLE


class _Asking:
    """One wish on its way: what was said already, and why the last attempt led to nothing."""

    def __init__(self, body: Mapping[str, str], say: Say, *, wait: bool, as_json: bool) -> None:
        self.trouble = ""
        self.sent = False
        self._body = body
        self._say = say
        self._wait = wait
        self._as_json = as_json
        self._said: list[str] = []

    async def attempt(self, session: aiohttp.ClientSession, address: str) -> int | None:
        """Ask once; return the exit status, None where it is worth asking again."""
        answer: Mapping[str, Any] = {}
        try:
            async with session.post(address, params={"wait": "1"} if self._wait else {}, json=self._body) as response:
                self.sent = True
                async for line in response.content:
                    if line.strip():
                        answer = _read(line)
                        self._tell(answer)
        except aiohttp.ClientConnectorError as error:
            self.trouble = str(error)
            return None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self.sent = True
            self.trouble = str(error) or type(error).__name__
            return None
        if not answer or response.status in _AWAY or answer.get("kind") == "pending":
            self.trouble = str(answer.get("summary") or f"it answers {response.status}").rstrip(".")
            return None
        if not answer.get("final", True):
            self.trouble = "the connection ended before the work did"
            return None
        return _exit_status(answer, response.status)

    def _tell(self, answer: Mapping[str, Any]) -> None:
        """Say an answer; of one that follows another only the lines that are new."""
        if self._as_json:
            self._say(json.dumps(answer, ensure_ascii=False))
            return
        lines = str(answer["text"]).splitlines()
        new = [line for line in lines if line not in self._said]
        self._said = lines
        if new:
            self._say("\n".join(new))


def _read(line: bytes) -> Mapping[str, Any]:
    values = json.loads(line)
    if not isinstance(values, dict) or not isinstance(values.get("text"), str):
        raise ValueError("this is no answer of Shipmate's")  # noqa: TRY004 - what came is wrong, not our call
    return values


def _exit_status(answer: Mapping[str, Any], status: int) -> int:
    if status in _MISUSED or answer.get("kind") == "usage":
        return USAGE
    return DONE if answer.get("ok") else REFUSED
