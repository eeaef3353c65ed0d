"""Shipmate's core: what must survive a crash. Slack edge, dispatch, permissions, audit and durable work."""

import sys

# structlog imports rich wherever it is installed, to draw tracebacks that we never show: a tenth of the whole start.
_absent = "rich" not in sys.modules
if _absent:
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's own way to say that there is no such module
try:
    import structlog.dev  # noqa: F401 - imported now, so that it looks for rich now
finally:
    if _absent:
        del sys.modules["rich"]
