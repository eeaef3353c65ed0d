"""A bot that kills itself at steps: `python -m tests.releases.child FOLDER`.

It cuts a release and is killed once at each step, when the step's body has run and its result is not kept; then it says
how that ended. Each life is a child of a process that has imported everything and does nothing else.
"""

import asyncio
import functools
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from bot.releases import records, workflow
from bot.releases.rules import State
from integrations.capabilities.releases import HostedRelease, ReleaseDraft, Tag
from tests.deployments.disk import Disk
from tests.deployments.rig import MIA
from tests.fakes.releases import FakeReleases
from tests.releases.rig import Rig, read, up

Body = Callable[..., Coroutine[Any, Any, Any]]


class DiskReleases(FakeReleases):
    """A host of releases that outlives the bot: what took effect is a line of a file."""

    def __init__(self, instance: str, path: Path) -> None:
        super().__init__(instance)
        self._path = path

    def made_so_far(self) -> Sequence[dict[str, str]]:
        """Return what took effect, in order."""
        return [json.loads(line) for line in self._path.read_text().splitlines()] if self._path.exists() else []

    def _write(self, **line: str) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    async def get_tag(self, project: str, name: str) -> Tag | None:
        for line in self.made_so_far():
            if (line["what"], line["name"]) == ("tag", name):
                return Tag(name=name, sha=line["sha"])
        return await super().get_tag(project, name)

    async def create_tag(self, project: str, name: str, sha: str, message: str) -> Tag:
        known = await self.get_tag(project, name)
        if known is None:
            self._write(what="tag", name=name, sha=sha)
        return known or Tag(name=name, sha=sha, message=message)

    async def create_release(self, project: str, draft: ReleaseDraft) -> HostedRelease:
        known = await self.get_release(project, draft.tag)
        if known is None:
            self._write(what="release", name=draft.tag, sha="")
        return known or HostedRelease(tag=draft.tag, name=draft.name, notes=draft.notes)

    async def get_release(self, project: str, tag: str) -> HostedRelease | None:
        for line in self.made_so_far():
            if (line["what"], line["name"]) == ("release", tag):
                return HostedRelease(tag=tag, name=tag, notes="")
        return None


def kill_once_at_each(folder: Path) -> None:
    """Have this process killed at the first step at which none was killed before."""
    done = folder / "killed.log"
    seen: Counter[str] = Counter()

    def die_first(key: str) -> None:
        if done.exists() and key in done.read_text().splitlines():
            return
        with done.open("a") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)

    def killing(run: Body) -> Body:
        async def one(name: str, body: Body, *args: Any) -> Any:
            seen[name] += 1
            key = f"{name} {seen[name]}"

            @functools.wraps(body)
            async def last(*given: Any) -> Any:
                result = await body(*given)
                die_first(key)
                return result

            return await run(name, last, *args)

        return one

    for name in ("step", "transact"):
        setattr(workflow, name, killing(getattr(workflow, name)))


async def main(folder: Path) -> None:
    """Cut, or go on cutting."""
    async with up(folder, change=functools.partial(_on_disk, folder)) as rig:
        async with rig.store.read() as conn:
            begun = await records.of_request(conn, "wish")
        if begun is None:
            await rig.run(MIA, "release cut checkout --bump minor --yes", request_id="wish")
        await rig.releases.reconcile()
        release = await rig.gets("R-1", State.CUT, State.FAILED)
        verdict = await rig.audit.verify()
        said = {"state": release.state.value, "card": read(await rig.card("R-1")), "audit": verdict.ok}
        posted = [key for key, _ in await rig.said("post")]
        sys.stdout.write(json.dumps({**said, "posted": posted}) + "\n")
        sys.stdout.flush()


def _on_disk(folder: Path, rig: Rig) -> None:
    """Put tools in that outlive the bot, and a commit to release."""
    rig.host = DiskReleases("git", folder / "host.log")
    rig.git = rig.host
    rig.toolbox.add(rig.host)
    rig.toolbox.add(Disk("builds", folder / "builds.log"))
    rig.history()
    rig.change("feat: pay by card")


def live(folder: Path) -> int:
    """Live again after each kill; return the exit status of the last life, and write how many there were."""
    lives = 0
    while True:
        lives += 1
        child = os.fork()
        if child == 0:
            kill_once_at_each(folder)
            asyncio.run(main(folder))
            return 0
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            (folder / "lives").write_text(str(lives))
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(live(Path(sys.argv[1])))
