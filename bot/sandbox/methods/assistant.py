"""Methods of apps that answer in threads (https://docs.slack.dev/reference/methods?family=assistant)."""

from bot.sandbox.call import BOT, Call, invalid, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.model import Channel

_MAX_PROMPTS = 4
_MAX_LOADING = 10


def _thread(call: Call, *, is_optional: bool = False) -> tuple[Channel, str]:
    """Return the channel and the `ts` of the thread's first message; raises `invalid_thread_ts`."""
    channel = call.channel("channel_id")
    if call.actor not in channel.members:
        raise SlackError("channel_not_found")
    ts = call.text("thread_ts") if is_optional else call.required("thread_ts")
    message = channel.messages.get(ts)
    if ts and (message is None or message.ephemeral_to or message.is_reply):
        raise SlackError("invalid_thread_ts")
    return channel, ts


@method("assistant.threads.setStatus", "chat:write", tier=4, user=(), tokens=BOT)
async def set_status(call: Call) -> Json:
    """Show what the app is doing (https://docs.slack.dev/reference/methods/assistant.threads.setStatus).

    An empty status takes it away.
    """
    channel, ts = _thread(call)
    status = call.text("status")
    if call.raw("status") is None:
        raise invalid("missing required field: status")
    loading = call.names("loading_messages") if call.raw("loading_messages") is not None else []
    if len(loading) > _MAX_LOADING:
        raise invalid(f"no more than {_MAX_LOADING} items allowed", "/loading_messages")
    assist = call.platform.workspace.assistance(channel.id, ts)
    assist.status, assist.loading_messages, assist.app_id = status, loading, call.app.id
    call.platform.changes.publish("channel", channel=channel.id)
    return {}


@method("assistant.threads.setTitle", "assistant:write", tier=4, user=(), tokens=BOT)
async def set_title(call: Call) -> Json:
    """Name a thread (https://docs.slack.dev/reference/methods/assistant.threads.setTitle)."""
    channel, ts = _thread(call)
    call.platform.workspace.assistance(channel.id, ts).title = call.required("title")
    call.platform.changes.publish("channel", channel=channel.id)
    return {}


@method("assistant.threads.setSuggestedPrompts", "assistant:write", tier=4, user=(), tokens=BOT)
async def set_prompts(call: Call) -> Json:
    """Offer up to four things to ask.

    Reference: https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts
    """
    if not call.app.manifest.is_assistant:
        raise SlackError("not_agent_app")
    channel, ts = _thread(call, is_optional=True)
    prompts = call.decoded("prompts")
    if not isinstance(prompts, list) or not prompts:
        raise invalid("missing required field: prompts")
    if len(prompts) > _MAX_PROMPTS:
        raise invalid(f"no more than {_MAX_PROMPTS} items allowed", "/prompts")
    for index, prompt in enumerate(prompts):
        for name in ("title", "message"):
            if not isinstance(prompt, dict) or not isinstance(prompt.get(name), str) or not prompt[name]:
                raise invalid(f"missing required field: {name}", f"/prompts/{index}")
    assist = call.platform.workspace.assistance(channel.id, ts)
    assist.prompts = [{"title": one["title"], "message": one["message"]} for one in prompts]
    assist.prompts_title = call.text("title")
    call.platform.changes.publish("channel", channel=channel.id)
    return {}
