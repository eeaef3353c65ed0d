"""The terminal as a trigger: when Slack is down a team still deploys, approves and rolls back, by the same rules.

`door` is the server's side (POST /api/do), `client` what `shipmate do "…"` runs, `plain` turns messages into text.
"""

from bot.terminal.client import ask
from bot.terminal.door import Terminal
from bot.terminal.plain import render

__all__ = ["Terminal", "ask", "render"]
