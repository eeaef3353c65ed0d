"""Slash commands, from what a person typed to what they saw.

Reference: https://docs.slack.dev/interactivity/implementing-slash-commands
"""

from bot.sandbox import events, posting, replies
from bot.sandbox.apps import App
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.interactions import shown_name
from bot.sandbox.manifest import Command
from bot.sandbox.model import Channel, User
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform
from bot.sandbox.typed_text import encode_command


def payload(platform: Platform, app: App, command: Command, user: User, channel: Channel, text: str) -> Json:
    """Return the payload of a command, every value a string.

    Reference: https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling.
    `team_id` and `team_domain` are the person's own workspace; in a direct message the channel is called
    `directmessage`, in a private one `privategroup`.
    """
    workspace = platform.workspace
    team = workspace.teams[user.team_id]
    key = platform.tickets.response(app.id, user.id, channel.id)
    return {
        "token": app.verification_token,
        "team_id": team.id,
        "team_domain": team.domain,
        "channel_id": channel.id,
        "channel_name": shown_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command.command,
        "text": encode_command(text, workspace, should_escape=command.should_escape),
        "api_app_id": app.id,
        **({"enterprise_id": team.enterprise.id, "enterprise_name": team.enterprise.name} if team.enterprise else {}),
        "is_enterprise_install": "false",
        "response_url": f"{platform.base_url}/response/{app.id}/{key}",
        "trigger_id": platform.tickets.trigger(app.id, user.id),
    }


async def run(platform: Platform, user: User, channel: Channel, name: str, text: str, thread_ts: str = "") -> Outcome:
    """Run a command for a person and show them what came of it; whatever fails is told by Slackbot, only to them."""
    workspace = platform.workspace
    if thread_ts:
        said = workspace.from_slackbot(channel, user, f"{name} is not supported in threads. Sorry!", thread_ts)
        return Outcome(error="not_supported_in_thread", message=said)
    if name == "/me" and text.strip():
        return await _me(platform, user, channel, text)
    found = platform.apps.by_command(name)
    if found is None:
        advice = "In Slack, all messages that start with the “/” character are interpreted as commands."
        said = workspace.from_slackbot(channel, user, f"{name} is not a valid command. {advice}")
        return Outcome(error="unknown_command", message=said)
    app, command = found
    delivery = await platform.deliveries.send(
        app, "slash_commands", name, payload(platform, app, command, user, channel, text), command=name
    )
    outcome = Outcome([delivery])
    ack = delivery.ack
    if ack is None or not ack.ok:
        timed_out = ack is not None and ack.status == "timeout"
        outcome.error = "operation_timeout" if timed_out else "dispatch_failed"
        reason = "the app did not respond" if timed_out else "the app could not be reached"
        outcome.message = workspace.from_slackbot(channel, user, f"{name} failed because {reason} ({outcome.error}).")
        return outcome
    try:
        with platform.log.within(delivery.scope):
            outcome.message = replies.answer(platform, app, ack.body, channel, user.id)
    except SlackError as error:
        outcome.error = error.code
        why = "; ".join(error.messages) or "its answer was refused"
        outcome.message = workspace.from_slackbot(channel, user, f"{name} failed with the error {error.code}: {why}")
    return outcome


async def _me(platform: Platform, user: User, channel: Channel, text: str) -> Outcome:
    """Write what somebody does (https://docs.slack.dev/reference/events/message/me_message)."""
    message = posting.by_person(platform, user, channel, text.strip())
    message.subtype = "me_message"
    return Outcome(await events.message_posted(platform, message), message=message)
