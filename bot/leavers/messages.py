"""The words about people who left."""

from bot.leavers.records import Left, Why
from bot.locks.messages import scope_args
from bot.reply import Button, Buttons, Markup, Message, Paragraph, Part, code, say

_HOW = {Why.SLACK: "was deactivated in Slack", Why.CONFIGURATION: "was taken out of the configuration"}
_MOST = 5


def notice(name: str, why: Why, left: Left) -> Message:
    """Return what a team reads of what somebody left behind."""
    lines = [say("*@{}* {}. What was theirs is the team's now:", name, _HOW[why])]
    lines += [
        say("• the lock on *{}*{}: anybody who may lock it may take it or unlock it", one.scope, _because(one.reason))
        for one in left.locks
    ]
    lines += [say("• {}, which they asked for: it goes on, or somebody cancels it", code(one)) for one in left.asked]
    lines += [say("• {}: their approval is not counted any more", code(one)) for one in left.approved]
    buttons = tuple(
        Button(label=f"Unlock {one.scope}"[:75], command="unlock", args=scope_args(one.scope))
        for one in left.locks[:_MOST]
    )
    parts: tuple[Part, ...] = (Paragraph(Markup("\n".join(lines))),)
    if buttons:
        parts = (*parts, Buttons(buttons))
    return Message(summary=f"@{name} left: what was theirs is the team's now", parts=parts)


def _because(reason: str) -> str:
    return f" (“{reason}”)" if reason else ""
