"""The queue and the nodes: who waits for what, and what starts when."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.servers.jenkins.builds import Build
from tests.servers.jenkins.jobs import Job, ParameterDefinition
from tests.servers.jenkins.queue import Cause, Node, QueueItem


class Executor:
    """Takes items from the queue to the nodes. `held` keeps everything in the queue; `quiet_period` is in seconds."""

    def __init__(self, *, quiet_period: float) -> None:
        self.quiet_period = quiet_period
        self.items: dict[int, QueueItem] = {}
        self.nodes = [Node("master", "master", executors=50)]
        self.held = False
        self.quieting_down = False
        self.last_id = 6
        self._timers: set[asyncio.TimerHandle] = set()
        self.on_phase: list[Any] = []

    def waiting(self) -> list[QueueItem]:
        """Return what waits, newest first as Jenkins lists it."""
        return [item for item in reversed(self.items.values()) if not item.left]

    def schedule(self, job: Job, values: Mapping[str, Any], cause: Cause, delay: float | None = None) -> QueueItem:
        """Queue a build, or return the waiting item that asks for the very same."""
        for item in self.waiting():
            if item.job is job and item.values == dict(values):
                return item
        self.last_id += 1
        now = time.time()
        quiet = self.quiet_period if delay is None else delay
        item = QueueItem(self.last_id, job, dict(values), cause, int(now * 1000), now + quiet)
        self.items[item.id] = job.queued = item
        item.why = f"In the quiet period. Expires in {max(quiet - 0.001, 0):.0f} sec" if quiet else "Finished waiting"
        loop = asyncio.get_running_loop()
        self._timers = {timer for timer in self._timers if timer.when() > loop.time()}
        self._timers.add(loop.call_later(quiet, self.maintain))
        return item

    def maintain(self) -> None:
        """Start what can start and say of the others why they wait."""
        for item in list(self.items.values()):
            if item.left or item.quiet_until > time.time():
                continue
            reason = self._obstacle(item)
            if reason:
                item.why = reason
            else:
                self._start(item)

    def end_quiet_periods(self) -> None:
        """Let what waits out its quiet period go on now."""
        for item in self.waiting():
            item.quiet_until = 0.0
        self.maintain()

    def cancel(self, item: QueueItem) -> None:
        """Take an item out of the queue."""
        item.cancelled = True
        if item.job.queued is item:
            item.job.queued = None

    def stop(self, build: Build, user: str) -> None:
        """Abort a build; one that is over stays as it is."""
        if not build.building:
            return
        build.aborted_by = user
        if build.task is not None and not build.task.done():
            build.task.cancel()
        else:
            build.finish("ABORTED")

    async def close(self) -> None:
        """End everything."""
        for timer in self._timers:
            timer.cancel()
        tasks = [item.build.task for item in self.items.values() if item.build and item.build.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _obstacle(self, item: QueueItem) -> str:
        item.state = "BuildableItem"
        if self.quieting_down:
            return "Jenkins is about to shut down"
        if item.job.running is not None and not item.job.concurrent:
            item.state = "BlockedItem"
            return f"Build #{item.job.running.number} is already in progress (ETA: N/A)"
        able = [node for node in self.nodes if not item.job.label or node.label == item.job.label]
        if not able:
            return f"There are no nodes with the label ‘{item.job.label}’"
        if all(node.reason for node in able):
            return (
                f"All nodes of label ‘{able[0].label}’ are offline"
                if item.job.label
                else f"‘{able[0].name}’ is offline"
            )
        return "Waiting for next available executor" if self.held else ""

    def _start(self, item: QueueItem) -> None:
        job = item.job
        build = Build(job, job.next_number, item, max(int(time.time() * 1000), item.since), changed=self._changed)
        job.next_number += 1
        job.builds[build.number] = build
        item.build = build
        if job.queued is item:
            job.queued = None
        build.task = asyncio.get_running_loop().create_task(build.run())
        build.task.add_done_callback(lambda task: self._ended(build, task))

    def _ended(self, build: Build, task: "asyncio.Task[None]") -> None:
        if task.cancelled() and build.building:  # before the script began
            build.finish("ABORTED")

    def _changed(self, build: Build, phase: str) -> None:
        for tell in self.on_phase:
            tell(build, phase)
        if build.result is not None:
            for job in build.job.downstream if build.result == "SUCCESS" else ():
                self.schedule(job, defaults(job.parameters), Cause(upstream=build))
            asyncio.get_running_loop().call_soon(self.maintain)


def defaults(parameters: Sequence[ParameterDefinition]) -> dict[str, Any]:
    """Return the default of each parameter."""
    return {one.name: one.default for one in parameters}
