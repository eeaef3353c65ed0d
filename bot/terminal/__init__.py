"""The terminal as a trigger: when Slack is down a team still deploys, approves and rolls back, by the same rules.

`door` is the server's side (POST /api/do), `tokens` what opens it, `client` what `shipmate do "…"` runs, `login` signs
a person in at the identity provider, `plain` turns messages into text.
"""

from bot.terminal.client import ask
from bot.terminal.door import Bearer, Standing, Terminal
from bot.terminal.plain import render

__all__ = ["Bearer", "Standing", "Terminal", "ask", "render"]
