"""How often the first ten lines of the excerpt hold what a person would point to, per tool, on recorded logs.

`python benchmarks/diagnosis.py [lines]`: logs that the rules were written for, and those held out (the first byte of
the SHA-256 of the name is a multiple of three). And how fast a large log is read.
"""

import hashlib
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.diagnosis import Intake, diagnose  # noqa: E402 -- the project's folder comes first

PAYLOADS = ROOT / "tests/diagnosis/payloads"
LOOKED_AT = 10


def right(log: dict[str, object]) -> bool:
    found = diagnose((PAYLOADS / f"{log['name']}.log").read_bytes())
    excerpt = [line.text for line in found.excerpt[:LOOKED_AT]]
    return all(any(re.search(label, line) for line in excerpt) for label in log["labels"])


def main() -> None:
    logs = json.loads((PAYLOADS / "index.json").read_text(encoding="utf-8"))["logs"]
    good: Counter[tuple[str, bool]] = Counter()
    total: Counter[tuple[str, bool]] = Counter()
    for log in logs:
        held_out = hashlib.sha256(log["name"].encode()).digest()[0] % 3 == 0
        for tool in (log["tool"], "all"):
            total[tool, held_out] += 1
            good[tool, held_out] += right(log)
    print(f"{'tool':<10}{'written for':>14}{'held out':>14}")
    for tool in (*sorted({log["tool"] for log in logs}), "all"):
        cells = [f"{good[tool, held]}/{total[tool, held]}" for held in (False, True)]
        print(f"{tool:<10}{cells[0]:>14}{cells[1]:>14}")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    piece = b"".join(b"[INFO] Compiling module %d of the shop, nothing to see here\n" % n for n in range(1_000))
    intake = Intake()
    begin = time.perf_counter()
    for _ in range(count // 1_000):
        intake.feed(piece)
    diagnose(intake)
    seconds = time.perf_counter() - begin
    print(f"{count:,} lines ({count // 1_000 * len(piece) / 1e6:.0f} MB) in {seconds:.1f} s")


if __name__ == "__main__":
    main()
