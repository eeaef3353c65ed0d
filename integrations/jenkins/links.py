"""Jenkins' own pages, recognised by their addresses. Pure."""

from urllib.parse import urlsplit

from integrations.capabilities.links import Link, Preview
from integrations.capabilities.runs import Run, RunState
from integrations.jenkins.names import job_and_number

_STANDS = {
    RunState.QUEUED: "is queued",
    RunState.RUNNING: "is running",
    RunState.SUCCEEDED: "succeeded",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was aborted",
}


def recognise(base: str, url: str) -> Link | None:
    """Return the build that a page of the Jenkins at `base` is about, None for every other address."""
    try:
        home, asked = urlsplit(base), urlsplit(url)
    except ValueError:
        return None
    prefix = home.path.rstrip("/")
    if (asked.scheme, asked.netloc.lower()) != (home.scheme, home.netloc.lower()):
        return None
    if not asked.path.startswith(f"{prefix}/job/"):
        return None
    found = job_and_number(asked.path.removeprefix(prefix))
    if found is None or not found[1]:
        return None
    return Link(kind="build", project=found[0], key=str(found[1]), url=url)


def preview(link: Link, run: Run) -> Preview:
    """Return what to say of a build."""
    failed = [stage.name for stage in run.stages if stage.state is RunState.FAILED]
    facts = [run.branch, run.sha[:7], f"failed: {', '.join(failed)}" if failed else ""]
    return Preview(
        title=f"{link.project} #{link.key} {_STANDS[run.state]}",
        text=run.reason,
        facts=tuple(fact for fact in facts if fact),
    )
