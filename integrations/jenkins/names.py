"""Names of jobs and runs, and the addresses they stand for. Pure.

A job is named by its path, "team/checkout"; a branch of a multibranch job is one more segment in which Jenkins has
encoded the branch's slashes: "team/checkout/feature%2Fx". In an address that segment is encoded once more.

A run that we started is "job@request id", which stays the same from the queue to the end; any other is "job#number".
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_BAD = re.compile(r"[?*\\!@#$^&|<>\[\]:;\x00-\x1f]")  # Jenkins forbids them in names
_JOB = re.compile(r"((?:/?job/[^/]+)+)/?(\d+)?")
_ITEM = re.compile(r"/queue/item/(\d+)/?$")


@dataclass(frozen=True, slots=True)
class RunName:
    """A run of a job, by our request id or by its number."""

    job: str
    request_id: str = ""
    number: int = 0

    def __str__(self) -> str:
        """Return the id that a reference carries."""
        return f"{self.job}@{self.request_id}" if self.request_id else f"{self.job}#{self.number}"

    @classmethod
    def parse(cls, text: str) -> "RunName | None":
        """Return what an id names, None for one that is none of ours."""
        job, mark, rest = re.match(r"([^@#]*)([@#]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        if not is_job(job) or not rest:
            return None
        if mark == "@":
            return cls(job, request_id=rest)
        return cls(job, number=int(rest)) if re.fullmatch(r"[1-9]\d{0,9}", rest) else None


def is_job(name: str) -> bool:
    """Tell whether this can be the name of a job."""
    segments = name.split("/")
    return bool(name) and not _BAD.search(name) and all(s and s not in {".", ".."} for s in segments)


def job_path(name: str) -> str:
    """Return the path of a job's address, without a slash at its end."""
    return "".join(f"/job/{quote(segment, safe='')}" for segment in name.split("/"))


def branch_job(name: str, branch: str) -> str:
    """Return the name of a multibranch job's job for a branch."""
    return f"{name}/{quote(branch, safe='')}"


def job_and_number(url: str) -> tuple[str, int] | None:
    """Return the job that an address of Jenkins is in, and the build's number (0 without one), None if in none."""
    found = _JOB.search(url)
    if found is None:
        return None
    segments = [unquote(segment) for segment in re.findall(r"job/([^/]+)", found[1])]
    return "/".join(segments), int(found[2] or 0)


def queue_id(url: str) -> int | None:
    """Return the item that a `Location` names. Its host is Jenkins' public one, so only the path counts."""
    found = _ITEM.search(url)
    return int(found[1]) if found else None
