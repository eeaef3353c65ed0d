"""RunTracker: remote work with a beginning and an end, whatever the tool calls it.

How others fit, checked on paper before this was called done:

* Jenkins. `start_*` posts and gets a queue item; the reference keeps the queue id until the item's `executable`
  appears, then `get_run` answers with the reference moved on (`Run.ref` differs from the one asked about; keep the
  newer). State QUEUED with `reason` = the item's `why`; RUNNING; result SUCCESS → SUCCEEDED, ABORTED → CANCELLED, all
  else FAILED. `read_log` is progressiveText: `next_offset` is `X-Text-Size`, opaque to callers. `cancel_run`
  is cancelItem or stop. An `input` step is a `ManualAction` with its parameters; `answer` submits it.
  `request_id` is a build parameter or the cause's text; `find_run` searches queue and builds for it.
* GitLab. A pipeline is a run, its jobs are `RunStage`s, a manual job is a `ManualAction`; `answer` plays it.
  `created/pending/waiting_for_resource` → QUEUED, `running` → RUNNING, `manual` → RUNNING with an action waiting,
  `canceled/skipped` → CANCELLED. The trace of all jobs, in order, is the log; the offset names job and byte.
  `request_id` is a pipeline variable.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct, field


class RunState(StrEnum):
    """Where a run stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the run is over."""
        return self in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}


class RunRef(Struct, frozen=True, order=True):
    """Where a run is found again: the adapter's instance and its own opaque id. `str()` and `parse` round-trip."""

    instance: str
    id: str

    def __str__(self) -> str:
        """Return `instance:id`."""
        return f"{self.instance}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "RunRef":
        """Return the reference that `str()` wrote.

        Raises:
            ValueError: there is no `:` in it.
        """
        instance, colon, ident = text.partition(":")
        if not colon or not instance or not ident:
            message = f"{text!r} is no run reference: instance:id was expected"
            raise ValueError(message)
        return cls(instance, ident)


class RunStage(Struct, frozen=True, kw_only=True):
    """One named part of a run, as the tool shows it."""

    name: str
    state: RunState
    started_at: datetime | None = None
    ended_at: datetime | None = None
    url: str = ""


class ParameterKind(StrEnum):
    """What may be given for a parameter. A value is text on the way: "true" and "false" for BOOLEAN."""

    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    SECRET = "secret"  # noqa: S105 - the name of a kind, no secret


class Parameter(Struct, frozen=True, kw_only=True):
    """A value that a job or a waiting action takes. `choices` are those of a CHOICE, the first is its default."""

    name: str
    kind: ParameterKind = ParameterKind.TEXT
    default: str = ""
    choices: Sequence[str] = ()
    required: bool = False
    description: str = ""


class ManualAction(Struct, frozen=True, kw_only=True):
    """Something in a run that waits for a person: a Jenkins input step, a GitLab manual job.

    `text` is what it asks, `label` what its button says. `url` is where a person answers it in the tool itself.
    """

    id: str
    label: str
    text: str = ""
    parameters: Sequence[Parameter] = ()
    url: str = ""


class Artifact(Struct, frozen=True, kw_only=True):
    """A file that a run made. `size` in bytes, None where the tool does not say."""

    name: str
    url: str
    size: int | None = None


class Downstream(Struct, frozen=True, kw_only=True):
    """Another run that a run started, as far as the tool says."""

    title: str
    state: RunState
    url: str = ""
    ref: RunRef | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A run as it stands now. `reason` says why it waits or failed, in the tool's words.

    `result` holds what it made, plain text values: "artifact" and "digest" after a build. `number` is what people
    call it ("#214"); `branch` and `sha` are what it was started of, where the tool says.
    """

    ref: RunRef
    state: RunState
    title: str = ""
    url: str = ""
    reason: str = ""
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stages: Sequence[RunStage] = ()
    actions: Sequence[ManualAction] = ()
    result: Mapping[str, str] = field(default_factory=dict)
    number: str = ""
    branch: str = ""
    sha: str = ""
    artifacts: Sequence[Artifact] = ()
    downstream: Sequence[Downstream] = ()


class LogChunk(Struct, frozen=True, kw_only=True):
    """A piece of a run's log, secrets masked. `next_offset` is opaque: hand it back as it is."""

    text: str
    next_offset: int
    more: bool


@runtime_checkable
class RunTracker(Protocol):
    """Follows and ends runs. Everything that starts remote work has these."""

    async def get_run(self, ref: RunRef) -> Run:
        """Return the run as it stands. Raises: NotFound, Unavailable and the other integration errors."""
        ...

    async def find_run(self, request_id: str, job: str = "", since: datetime | None = None) -> RunRef | None:
        """Return the run that was started with this request id, None if there is none. Never starts anything.

        Not every tool finds a request id among all that it ever ran. `job` is where to look, `since` when the request
        was first made: with them a run is found also when it is over and another process started it.
        """
        ...

    async def cancel_run(self, ref: RunRef) -> None:
        """Ask for the run's end, queued or running. Returns when asked; a run already over is no error."""
        ...

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        """Return the log from `offset` on, at most 256 KiB of it."""
        ...

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        """Let a waiting manual action go on. Raises: Refused when nothing of that id waits."""
        ...
