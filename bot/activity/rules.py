"""What of a repository's life is worth a message. Pure."""

from enum import StrEnum


class Pipelines(StrEnum):
    """Which pipelines a channel hears of."""

    NONE = "none"
    FAILURES = "failures"
    ALL = "all"


def is_told(wanted: Pipelines, *, branch: str, is_tag: bool, default_branch: str) -> bool:
    """Tell whether a pipeline of this ref concerns the channel at all: those of the default branch and of tags."""
    return wanted is not Pipelines.NONE and (is_tag or branch == default_branch)


def is_shown(wanted: Pipelines, *, failed: bool, is_there: bool) -> bool:
    """Tell whether a pipeline gets a message now; one that has a message keeps it up to date."""
    return is_there or failed or wanted is Pipelines.ALL
