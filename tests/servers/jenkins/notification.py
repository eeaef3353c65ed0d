"""What the Notification plugin sends: one JSON message per phase of a build, as its 1.17 writes it.

https://plugins.jenkins.io/notification/
"""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from tests.servers.jenkins.builds import Build


class Notifier:
    """Posts to endpoints as builds go through their phases. `sent` collects (phase, status of the answer)."""

    def __init__(self) -> None:
        self.endpoints: list[str] = []
        self.sent: list[tuple[str, int]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, build: Build, phase: str) -> None:
        """Tell every endpoint of a phase; an address may carry `name:secret@`, which is sent as Basic."""
        for endpoint in self.endpoints:
            for each in ("COMPLETED", "FINALIZED") if phase == "FINALIZED" else (phase,):
                task = asyncio.get_running_loop().create_task(self._post(endpoint, each, message(build, each)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post(self, endpoint: str, phase: str, body: dict[str, Any]) -> None:
        parts = urlsplit(endpoint)
        basic = aiohttp.encode_basic_auth(parts.username or "", parts.password or "")
        headers = {"Authorization": basic} if parts.username else {}
        url = urlunsplit(parts._replace(netloc=f"{parts.hostname}:{parts.port}"))
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=body) as answer:
            self.sent.append((phase, answer.status))


def message(build: Build, phase: str) -> dict[str, Any]:
    """Return what the plugin says of a build."""
    branch, sha = build.revision or ("", "")
    told: dict[str, Any] = {
        "full_url": build.url,
        "number": build.number,
        "queue_id": build.item.id,
        "timestamp": datetime.fromtimestamp(build.began / 1000, UTC).isoformat(timespec="milliseconds"),
        "duration": max(build.ended - build.began, 0),
        "phase": phase,
        "url": build.path.lstrip("/"),
        "scm": {"branch": branch, "commit": sha, "changes": [], "culprits": []} if sha else {"changes": []},
        "parameters": {name: str(value) for name, value in build.values.items()},
        "log": "",
        "notes": "",
        "artifacts": {},
    }
    if build.result is not None:
        told["status"] = build.result
    return {
        "name": build.job.name,
        "display_name": build.job.name,
        "url": build.job.path.lstrip("/"),
        "build": told,
    }
