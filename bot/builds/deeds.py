"""What people do with builds, as `Acting` takes it."""

from bot.builds.acting import Deed
from bot.builds.records import Build
from bot.command import Resource
from bot.identity import Person
from integrations.capabilities.personal_runs import RunRight
from integrations.capabilities.runs import RunRef


def retrying(before: Build, person: Person, subject: str, request_id: str) -> Deed:
    """Return what somebody does who runs `before` once more, as the build `subject`."""
    return Deed(
        person=person,
        right=RunRight.RETRY,
        ref=RunRef.parse(before.run),
        label=f"retry {before.id}",
        subject=subject,
        resource=Resource(before.service),
        request_id=request_id,
        url=str(before.progress.get("url") or ""),
    )


def aborting(build: Build, person: Person, ref: RunRef) -> Deed:
    """Return what somebody does who aborts a build."""
    return Deed(
        person=person,
        right=RunRight.ABORT,
        ref=ref,
        label=f"abort {build.id}",
        subject=build.id,
        resource=Resource(build.service),
        url=str(build.progress.get("url") or ""),
    )
