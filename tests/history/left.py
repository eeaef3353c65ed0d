"""What work leaves behind in memory: how many objects of ours there are, and which tasks."""

import asyncio
import gc
from collections import Counter

_NOT_OURS = ("bot.sandbox", "tests")
_OURS = ("bot", "commands", "integrations")


def counted() -> Counter[str]:
    """Return how many objects there are of each type of ours, the workspace's left out, and of tasks by name.

    Only what the garbage collector tracks is seen: nearly all that can hold on to something else.
    """
    gc.collect()
    found: Counter[str] = Counter()
    for one in gc.get_objects():
        kind = type(one)
        module = getattr(kind, "__module__", None)
        if isinstance(module, str) and module.split(".")[0] in _OURS and not module.startswith(_NOT_OURS):
            found[f"{module}.{kind.__qualname__}"] += 1
    for task in asyncio.all_tasks():
        found[f"task {task.get_name().rstrip('0123456789-')}"] += 1
    return found


def grown(before: Counter[str], after: Counter[str], *, by: int) -> dict[str, tuple[int, int]]:
    """Return (before, after) of what there is more of, by at least so many."""
    return {name: (before[name], number) for name, number in after.items() if number - before[name] >= by}
