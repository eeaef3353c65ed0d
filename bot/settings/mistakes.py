"""What is wrong in a configuration, each with its place and a suggestion."""

from collections.abc import Sequence
from dataclasses import dataclass

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing to mend: the file and line, the path in it, what is wrong, and what would be right."""

    file: str
    line: int
    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        """Return `file:line: path: message suggestion`."""
        parts = [f"{self.file}:{self.line}:" if self.line else f"{self.file}:"]
        if self.path:
            parts.append(f"{self.path}:")
        parts.append(f"{self.message}. {self.suggestion}" if self.suggestion else self.message)
        return " ".join(parts)


class SettingsError(Exception):
    """The configuration cannot be used; `mistakes` tells all that is wrong, in the order of the files."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        head = "1 mistake" if count == 1 else f"{count} mistakes"
        super().__init__("\n".join([f"{head} in the configuration", *map(str, self.mistakes)]))

    def __reduce__(self) -> tuple[type["SettingsError"], tuple[tuple[Mistake, ...]]]:
        """Let a copy be made from the mistakes."""
        return type(self), (self.mistakes,)


def dotted(where: Where) -> str:
    """Return a path as people write it: `services.checkout.environments[1].deploy.with`."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
