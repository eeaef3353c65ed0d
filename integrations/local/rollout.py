"""The deploy to a place: unpack, switch, start, wait until the new version answers. Run as a job's command."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from integrations.local.archive import archive, archive_name
from integrations.local.artifacts import digest_of, find_artifact, keep_artifact, unpack
from integrations.local.files import has_room, is_full, is_locked, locked, read_json
from integrations.local.output import tail_of
from integrations.local.places import Desired, StaleFenceError, check_fence, prune_releases, status_of
from integrations.local.processes import ProcessId, program, send

_POLL = 0.05
_LAST_LINES = 15
_DEATHS = 3  # so many in a row: waiting longer changes nothing


class RolloutError(Exception):
    """The deploy failed for a reason that is worth its own words."""


def main() -> int:
    """Carry out the rollout that standard input describes; the last line printed says why it failed."""
    told = json.load(sys.stdin)
    place = Path(told["place"])
    try:
        _say("::stage unpack")
        artifact = _artifact(told)
        desired = Desired(**told["desired"])
        desired = replace(desired, release=_unpack(place, artifact))
        desired = _filled(desired, place, artifact)
        _say("::stage switch")
        with locked(place / "lock"):
            check_fence(place, desired.fence)
            _check_runner(Path(told["run"]))
            desired.dump(place)
        _say("::stage start")
        _supervise(place)
        _await_healthy(place, desired, told["ready_timeout"])
        prune_releases(place, desired.release)
    except (RolloutError, StaleFenceError, ValueError, OSError) as error:
        _say(_reason(error))
        return 1
    _say(f"{desired.version} answers on port {desired.port}")
    return 0


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and is_full(error):
        what = Path(str(error.filename)).name if error.filename else "what is deployed"
        return f"the disk is full: no room for {what}; make room and deploy again"
    return str(error)


def _check_runner(run: Path) -> None:
    """Make sure that the run this belongs to still lives: one that was given up must not switch anything."""
    if not is_locked(run / "lock"):
        raise RolloutError("the runner of this deploy is gone: nothing was switched")


def _artifact(told: dict[str, str]) -> Path:
    """Return the artifact's file: the one with the digest asked for; without a digest, the commit's own archive."""
    store = Path(told["artifacts"])
    if told["digest"]:
        found = find_artifact(store, told["digest"])
        if found is None:
            message = f"there is no artifact {told['digest']}: build it again"
            raise RolloutError(message)
        if (actual := digest_of(found)) != told["digest"]:
            message = f"{found.name} is {actual} and not the {told['digest']} that was asked for"
            raise RolloutError(message)
        return found
    file = Path(archive_name(told["project"], told["version"], told["sha"]))
    if not archive(told["git"], told["git_dir"], told["sha"], file):
        why = "" if has_room(Path()) else ": the disk is full"
        message = f"git cannot archive {told['sha']}{why}"
        raise RolloutError(message)
    found = find_artifact(store, keep_artifact(store, file))
    if found is None:
        raise RolloutError("the artifact that was just made is gone")
    return found


def _unpack(place: Path, artifact: Path) -> str:
    """Unpack an artifact into a folder of the place named by its digest, whole or not at all; return that name."""
    name = artifact.parent.name[:32]
    release = place / "releases" / name
    if not release.exists():
        release.parent.mkdir(mode=0o700, exist_ok=True)
        temporary = release.with_name(f".{name}.{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(mode=0o700)
        try:
            unpack(artifact, temporary)
            with contextlib.suppress(OSError):  # another deploy of the same artifact was faster
                temporary.rename(release)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    release.touch()  # newest: pruning goes by this
    return name


def _filled(desired: Desired, place: Path, artifact: Path) -> Desired:
    words = {
        "port": str(desired.port),
        "release": str(place / "releases" / desired.release),
        "artifact": artifact.name,
        "version": desired.version,
        "sha": desired.sha,
    }
    return replace(desired, command=[argument.format_map(words) for argument in desired.command])


def _supervise(place: Path) -> None:
    """Make sure that a supervisor is there and looks at the place now."""
    start_supervisor(place)
    send(ProcessId.from_json(read_json(place / "supervisor.json")), signal.SIGHUP)


def start_supervisor(place: Path) -> None:
    """Start the supervisor of a place unless one is there. Blocks until it has begun.

    Raises:
        OSError: it does not start; the message says why.
    """
    if is_locked(place / "supervisor.lock"):
        return
    command = program("integrations.local.supervisor", str(place))
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        message = f"the supervisor of {place.name} does not start: {done.stderr.strip()[-300:] or 'it gave no reason'}"
        raise OSError(message)


def _await_healthy(place: Path, desired: Desired, ready_timeout: float) -> None:
    until = time.monotonic() + ready_timeout
    while True:
        status = status_of(place)
        ours = status.get("deployment") == desired.deployment
        if ours and status.get("healthy") is True:
            return
        with locked(place / "lock"):
            check_fence(place, desired.fence)
        if time.monotonic() > until or (ours and int(str(status.get("restarts", 0))) >= _DEATHS):
            break
        time.sleep(_POLL)
    for line in tail_of(place / "output", _LAST_LINES):
        _say(f"| {line}")
    if ours:
        why = str(status.get("problem") or "it does not answer")
    else:
        why = "the supervisor did not take it up" if has_room(place) else "the disk is full, and nobody could tell"
    message = f"{desired.version} did not become ready (limit {ready_timeout:g} s): {why}"
    raise RolloutError(message)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the log of the run
