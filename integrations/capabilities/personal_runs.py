"""PersonalRuns: runs that people answer, retry and end as themselves, in a tool that decides by person who may."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable

from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunRef


class RunRight(StrEnum):
    """What a person does with a run: let a waiting action go on, start it once more, end it."""

    ANSWER = "answer"
    RETRY = "retry"
    ABORT = "abort"


@runtime_checkable
class PersonalRuns(Protocol):
    """Answers, retries and ends runs by a person's own grant, never with rights of our own."""

    @property
    def own_token_may(self) -> frozenset[RunRight]:
        """What the configuration lets Shipmate do with its own token for people who have lent no grant."""
        ...

    async def answer_as(self, ref: RunRef, action: str, parameters: Mapping[str, str], grant: Grant) -> None:
        """Let a waiting action go on, as the person.

        Raises:
            Refused: nothing of that id waits, or the person may not.
            NotAuthenticated: the grant has ended.
            OutcomeUnknown: it was sent and no answer came: look whether it waits still.
        """
        ...

    async def retry_build_as(self, ref: RunRef, request_id: str, grant: Grant) -> RunRef:
        """Run a build that is over once more, as the person; the same `request_id` again returns the same run.

        Raises:
            Refused: it still goes on, or the person may not.
            NotAuthenticated: the grant has ended.
            OutcomeUnknown: it was sent and no answer came; the same call looks first.
        """
        ...

    async def cancel_run_as(self, ref: RunRef, grant: Grant) -> None:
        """Ask for the run's end, as the person; a run already over is no error.

        Raises:
            Refused: the person may not.
            NotAuthenticated: the grant has ended.
        """
        ...
