"""What an app shows in a thread beside its messages: a status, a title, things to ask.

Reference: https://docs.slack.dev/ai/developing-ai-apps
"""

from dataclasses import dataclass, field

from bot.sandbox.errors import Json


@dataclass(slots=True)
class Assistance:
    """The state of one thread; an empty status means that the app is not at work."""

    app_id: str = ""
    status: str = ""
    loading_messages: list[str] = field(default_factory=list)
    title: str = ""
    prompts: list[Json] = field(default_factory=list)
    prompts_title: str = ""
