"""Methods that show modals and home tabs (https://docs.slack.dev/reference/methods?family=views)."""

from bot.sandbox.blockkit import view_content
from bot.sandbox.call import Call, invalid, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.tickets import Trigger
from bot.sandbox.views import View, new_view


def _content(call: Call, kind: str) -> Json:
    value = call.decoded("view")
    if value is None:
        raise invalid("missing required field: view")
    content = view_content(value)
    if content["type"] != kind:
        raise invalid(f"must be a valid enum value [{kind}]", "/view/type")
    return content


def _trigger(call: Call) -> Trigger:
    ident = call.text("trigger_id") or call.text("interactivity_pointer")
    if not ident:
        raise invalid("missing required field: trigger_id")
    return call.platform.tickets.exchange(ident, call.app.id)


def _new(call: Call, user: str, content: Json) -> View:
    team = call.platform.workspace.team.id
    return new_view(call.app.id, call.app.bot_id, user, team, content)


@method("views.open", tier=4)
async def open_view(call: Call) -> Json:
    """Open a modal for who did the thing behind the trigger (https://docs.slack.dev/reference/methods/views.open)."""
    content = _content(call, "modal")
    trigger = _trigger(call)
    view = call.platform.views.open(_new(call, trigger.user, content))
    return {"view": view.wire()}


@method("views.push", tier=4)
async def push(call: Call) -> Json:
    """Put a view on top of the open modal (https://docs.slack.dev/reference/methods/views.push)."""
    content = _content(call, "modal")
    trigger = _trigger(call)
    if not trigger.view_id or call.platform.views.find(trigger.view_id) is None:
        raise SlackError("not_found")
    view = call.platform.views.push(_new(call, trigger.user, content))
    return {"view": view.wire()}


@method("views.update", tier=4)
async def update(call: Call) -> Json:
    """Replace a view's content (https://docs.slack.dev/reference/methods/views.update)."""
    views = call.platform.views
    ident, external = call.text("view_id"), call.text("external_id")
    if not ident and not external:
        raise invalid("missing required field: view_id or external_id")
    view = views.find(ident) if ident else views.find_external(external, call.app.id)
    value = call.decoded("view")
    kind = str(value.get("type", "modal")) if isinstance(value, dict) else "modal"
    content = _content(call, kind)
    if view is None or view.app_id != call.app.id or view.type != kind:
        raise SlackError("not_found")
    if call.text("hash") and call.text("hash") != view.hash:
        raise SlackError("hash_conflict")
    return {"view": views.update(view, content).wire()}


@method("views.publish", tier=4)
async def publish(call: Call) -> Json:
    """Show a home tab to one person (https://docs.slack.dev/reference/methods/views.publish)."""
    content = _content(call, "home")
    if not call.app.manifest.home_tab:
        raise SlackError("not_enabled")
    user = call.text("user_id")
    if user not in call.platform.workspace.users:
        raise invalid("invalid user_id", "/user_id")
    old = call.platform.views.homes.get((call.app.id, user))
    if call.text("hash") and old is not None and call.text("hash") != old.hash:
        raise SlackError("hash_conflict")
    return {"view": call.platform.views.publish(_new(call, user, content)).wire()}
