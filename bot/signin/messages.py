"""What people read in Slack and in a terminal of signing in."""

from datetime import datetime

from bot.approvals.records import Approval
from bot.errors import Refused
from bot.reply import Button, Buttons, Message, Note, Paragraph, Reply, Style, moment, say
from bot.signin.rules import LINK_LASTS

_MOST_GROUPS = 20
_MINUTES = int(LINK_LASTS.total_seconds()) // 60


def sign_in_needed(approval: Approval, url: str) -> Refused:
    """Refuse a bare click, with the link for this person alone."""
    return Refused(
        "sign_in_needed",
        f"Approving {approval.subject} needs you to sign in ({approval.bound}): a click alone is not counted. "
        f"The link is for you alone, works once and ends in {_MINUTES} minutes.",
        moves=(Button(label="Sign in and approve", url=url, style=Style.PRIMARY),),
    )


def unable(approval: Approval, why: str) -> Refused:
    """Refuse a click that only a sign-in could prove, where nobody can sign in."""
    return Refused("sign_in_off", f"Approving {approval.subject} needs a sign-in ({approval.bound}), but {why}.")


def somebody_else(approval_id: str) -> Message:
    """Return what a person is told by whose link somebody else signed in."""
    what = f"to approve {approval_id.partition('/')[0]}" if approval_id else "in your name"
    text = say(
        "Somebody signed in with another account by a link that was made for you, {}. Nothing was counted. If you did "
        "not ask for that link, somebody else acts as you in Slack: tell whoever runs Shipmate.",
        what,
    )
    return Message(summary="Somebody else used your sign-in link: nothing was counted", parts=(Paragraph(text),))


def sign_in(url: str, known: tuple[tuple[str, ...], datetime] | None) -> Reply:
    """Return the answer to /shipmate login: a link for this person alone, and which groups are known by now."""
    if known is None:
        told = say("You have not signed in yet.")
    else:
        groups, at = known
        told = say("Last told {}: {}.", moment(at, day=True), ", ".join(groups[:_MOST_GROUPS]) or "no groups")
    return Reply(
        summary=f"Sign in to have your groups known: {url}",
        parts=(
            Paragraph(
                say("Sign in at your company's identity provider, and the groups that it tells count for you here.")
            ),
            Buttons((Button(label="Sign in", url=url, style=Style.PRIMARY),)),
            Note(say("{} The link is for you alone, works once and ends in {} minutes.", told, _MINUTES)),
        ),
    )
