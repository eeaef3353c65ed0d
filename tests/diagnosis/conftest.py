"""The recorded logs, with what was planted in each."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

PAYLOADS = Path(__file__).parent / "payloads"


@dataclass(frozen=True)
class Recorded:
    """One log of payloads/index.json."""

    name: str
    tool: str
    labels: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        return hashlib.sha256(self.name.encode()).digest()[0] % 3 == 0

    def read(self) -> bytes:
        return (PAYLOADS / f"{self.name}.log").read_bytes()


def load() -> list[Recorded]:
    logs = json.loads((PAYLOADS / "index.json").read_text(encoding="utf-8"))["logs"]
    return [Recorded(log["name"], log["tool"], tuple(log["labels"])) for log in logs]


@pytest.fixture(scope="session")
def recorded() -> dict[str, Recorded]:
    """Yields the recorded logs by name."""
    return {log.name: log for log in load()}
