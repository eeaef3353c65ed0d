"""A workspace in a file: what a restart brings back, with the same tokens, ids, messages and files.

The file holds tokens, so only its owner may read it. The bytes of uploaded files lie beside it, in `<file>.files/`.
"""

import asyncio
import contextlib
import fcntl
import itertools
import os
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from pydantic import TypeAdapter, ValidationError

from bot.sandbox.apps import App
from bot.sandbox.assistance import Assistance
from bot.sandbox.errors import StateError
from bot.sandbox.methods.scheduling import post_when_due
from bot.sandbox.model import Channel, File, Team, User, Usergroup
from bot.sandbox.platform import Platform
from bot.sandbox.scheduled import Scheduled
from bot.sandbox.tickets import ResponseUrl
from bot.sandbox.views import View

FORMAT: Literal["slack-workspace-1"] = "slack-workspace-1"
"""The name of the file's shape; it changes when an older reader would misunderstand a newer file."""

_PAUSE = 0.25
_WITHOUT_BYTES = {"files": {"__all__": {"content"}}}


@dataclass(slots=True)
class Snapshot:
    """Everything of a workspace that outlives a restart; trigger ids and what is being delivered do not."""

    format: Literal["slack-workspace-1"]
    team: str
    teams: dict[str, Team]
    users: dict[str, User]
    channels: dict[str, Channel]
    usergroups: dict[str, Usergroup]
    files: dict[str, File]
    scheduled: dict[str, Scheduled]
    assisted: list[tuple[str, str, Assistance]]
    app_channels: list[str]
    hints: list[str]
    usergroup_editors: Literal["admins", "members", "everyone"]
    last_micros: int
    installed: dict[str, App]
    known: dict[str, App]
    stacks: dict[str, list[View]] = field(default_factory=dict)
    homes: list[View] = field(default_factory=list)
    response_urls: list[ResponseUrl] = field(default_factory=list)
    refresh_tokens: dict[str, tuple[str, str, frozenset[str]]] = field(default_factory=dict)


_SNAPSHOT = TypeAdapter(Snapshot)


def taken(platform: Platform) -> Snapshot:
    """Return the workspace as it is now; the parts are the living ones, so write them down at once."""
    workspace, apps, views = platform.workspace, platform.apps, platform.views
    return Snapshot(
        format=FORMAT,
        team=workspace.team.id,
        teams=workspace.teams,
        users=workspace.users,
        channels=workspace.channels,
        usergroups=workspace.usergroups,
        files=workspace.files,
        scheduled=workspace.scheduled,
        assisted=[(app, place, kept) for (app, place), kept in workspace.assisted.items()],
        app_channels=workspace.app_channels,
        hints=workspace.hints,
        usergroup_editors=workspace.usergroup_editors,
        last_micros=workspace.last_micros,
        installed=apps.installed,
        known=apps.known,
        stacks=views.stacks,
        homes=list(views.homes.values()),
        response_urls=platform.tickets.responses,
        refresh_tokens=platform.codes.refresh_tokens,
    )


def put_back(platform: Platform, snapshot: Snapshot) -> None:
    """Make the workspace what it was, in place of what its seed described."""
    workspace, apps, views = platform.workspace, platform.apps, platform.views
    workspace.teams, workspace.team = snapshot.teams, snapshot.teams[snapshot.team]
    workspace.users, workspace.channels = snapshot.users, snapshot.channels
    workspace.usergroups, workspace.files = snapshot.usergroups, snapshot.files
    workspace.scheduled = snapshot.scheduled
    workspace.assisted = {(app, place): kept for app, place, kept in snapshot.assisted}
    workspace.app_channels, workspace.hints = snapshot.app_channels, snapshot.hints
    workspace.usergroup_editors = snapshot.usergroup_editors
    workspace.last_micros = snapshot.last_micros
    apps.installed, apps.known = snapshot.installed, snapshot.known
    views.stacks = snapshot.stacks
    views.homes = {(home.app_id, home.user): home for home in snapshot.homes}
    platform.tickets.responses = snapshot.response_urls
    platform.codes.refresh_tokens = snapshot.refresh_tokens


class StateFile:
    """Keeps a workspace in a file, written anew a moment after each change and at the end."""

    def __init__(self, path: Path) -> None:
        """Keep the name; no I/O before `open`."""
        self._path = path
        self._bytes = path.with_name(path.name + ".files")
        self._lock: IO[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self._taken = itertools.count()
        self._writing = threading.Lock()
        self._newest = -1

    def open(self, platform: Platform) -> None:
        """Take the file for this workspace alone, bring back what it holds, and write every change from now on.

        Needs a running loop. Raises `StateError` when another workspace has the file, or when it is faulty.
        """
        self._lock = _locked(self._path.with_name(self._path.name + ".lock"))
        try:
            self._restore(platform)
        except StateError:
            self._lock.close()
            raise
        for planned in platform.workspace.scheduled.values():
            platform.deliveries.spawn(post_when_due(platform, planned))
        self._task = asyncio.get_running_loop().create_task(self._keep(platform))

    def _restore(self, platform: Platform) -> None:
        try:
            snapshot = _SNAPSHOT.validate_json(self._path.read_bytes())
            for file in snapshot.files.values():
                if file.complete:
                    file.content = (self._bytes / file.id).read_bytes()
            put_back(platform, snapshot)
        except FileNotFoundError as error:
            if self._path.exists():
                raise StateError(f"{error.filename}: the bytes of an uploaded file are missing; {_WAY_OUT}") from error
        except (ValidationError, KeyError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (error,), "msg": "is missing"}
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise StateError(f"{self._path}: {where}: {first['msg']}; {_WAY_OUT}") from error
        except OSError as error:
            raise StateError(f"{self._path}: {error.strerror}; pass a file that can be read and written") from error

    async def _keep(self, platform: Platform) -> None:
        with platform.changes.listen() as changes:
            await self.save(platform)
            while (change := await changes.get()) is not None:
                if change["kind"] == "delivery":
                    continue
                await asyncio.sleep(_PAUSE)  # what changes together is written once
                while not changes.empty():
                    if changes.get_nowait() is None:
                        return
                await self.save(platform)

    async def save(self, platform: Platform) -> None:
        """Write the workspace down; a reader sees the file as it was or as it is now, never half of it."""
        text = _SNAPSHOT.dump_json(taken(platform), exclude=_WITHOUT_BYTES)
        contents = {file.id: file.content for file in platform.workspace.files.values() if file.complete}
        await asyncio.to_thread(self._write, next(self._taken), text, contents)

    def _write(self, number: int, text: bytes, contents: dict[str, bytes]) -> None:
        """Write what was taken, unless something newer is written: a thread goes on when its task is cancelled."""
        with self._writing:
            if number > self._newest:
                self._newest = number
                self._put(text, contents)

    def _put(self, text: bytes, contents: dict[str, bytes]) -> None:
        written = {path.name for path in self._bytes.iterdir()} if self._bytes.is_dir() else set()
        if contents:
            self._bytes.mkdir(mode=0o700, exist_ok=True)
        for ident in contents.keys() - written:
            _replace(self._bytes / ident, contents[ident])
        _replace(self._path, text)
        for gone in written - contents.keys():
            (self._bytes / gone).unlink(missing_ok=True)

    async def close(self, platform: Platform) -> None:
        """Write a last time and give the file free."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            await self.save(platform)
        if self._lock is not None:
            self._lock.close()


_WAY_OUT = "move the file away to begin anew"


def _locked(path: Path) -> IO[str]:
    try:
        handle = path.open("w", encoding="utf-8")
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}; pass a file in a folder that can be written") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise StateError(f"{path}: another workspace keeps its state there; stop it, or pass another file") from None
    return handle


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, readable by its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
