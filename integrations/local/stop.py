"""Ending everything that a state folder's instances have running here, for the end of a demo or a machine's retirement.

Also a program: `stop <state folder>`.
"""

import signal
import sys
import time
from pathlib import Path

from integrations.local.files import is_locked, read_json
from integrations.local.processes import ProcessId, end_marked, end_session, send
from integrations.local.runs import cancel, is_over

_POLL = 0.02


def stop_all(state_dir: Path, *, deadline: float = 30.0) -> int:
    """End all runs and services under a state folder and return how many there were. Blocks.

    What has not ended by itself after `deadline` seconds is killed. The places are left as they are: the next
    `connect` starts their services again.
    """
    runs = [path.parent for path in state_dir.glob("*/runs/*/request.json") if not is_over(path.parent)]
    places = [path.parent for path in state_dir.glob("*/places/*/desired.json")]
    running = [place for place in places if is_locked(place / "supervisor.lock")]
    for run in runs:
        cancel(run)
    for place in running:
        send(ProcessId.from_json(read_json(place / "supervisor.json")), signal.SIGTERM)
    until = time.monotonic() + deadline
    locks = [*(run / "lock" for run in runs), *(place / "supervisor.lock" for place in running)]
    while time.monotonic() < until and any(map(is_locked, locks)):
        time.sleep(_POLL)
    for run in runs:
        _kill(run, "started.json", "job.json", f"SHIPMATE_RUN={run.resolve()}")
    for place in places:  # also those whose supervisor was killed and left the service behind
        _kill(place, "supervisor.json", "child.json", f"SHIPMATE_PLACE={place.resolve()}")
        (place / "status.json").unlink(missing_ok=True)
    return len(runs) + len(running)


def _kill(folder: Path, starter: str, leader: str, mark: str) -> None:
    send(ProcessId.from_json(read_json(folder / starter)), signal.SIGKILL)
    end_session(ProcessId.from_json(read_json(folder / leader)), grace=0)
    end_marked(mark)


def main() -> int:
    """Stop what runs under the state folder that is named."""
    count = stop_all(Path(sys.argv[1]))
    print(f"stopped {count}")  # noqa: T201 -- a program for the terminal
    return 0


if __name__ == "__main__":
    sys.exit(main())
