"""Methods about apps: connections, manifests, removal (https://docs.slack.dev/reference/methods?family=apps)."""

from collections.abc import Mapping

from bot.sandbox import events
from bot.sandbox.call import APP, CONFIGURATION, NOBODY, Call, invalid, method
from bot.sandbox.errors import Json, ManifestError, SlackError
from bot.sandbox.manifest import read_manifest, unreachable


@method("api.test", tier=4, tokens=NOBODY)
async def api_test(call: Call) -> Json:
    """Echo the arguments, failing on request (https://docs.slack.dev/reference/methods/api.test)."""
    args = {name: value for name, value in call.args.items() if name != "token"}
    if wanted := call.text("error"):
        raise SlackError(wanted, args=args)
    return {"args": args}


@method("apps.connections.open", tier=3, tokens=APP)
async def connections_open(call: Call) -> Json:
    """Return a URL for one Socket Mode connection (https://docs.slack.dev/reference/methods/apps.connections.open)."""
    if call.app.mode != "socket":
        raise SlackError("socket_mode_disabled")
    ticket = call.platform.sockets.ticket(call.app)
    base = call.platform.base_url.replace("http", "ws", 1)
    return {"url": f"{base}/link/?ticket={ticket}&app_id={call.app.id}"}


@method("apps.event.authorizations.list", tier=4, tokens=APP)
async def authorizations(call: Call) -> Json:
    """Say for whom an event was sent (https://docs.slack.dev/reference/methods/apps.event.authorizations.list)."""
    if not call.required("event_context").startswith("4-"):
        raise SlackError("invalid_event_context")
    team = call.platform.workspace.team
    entry: Json = {
        "enterprise_id": team.enterprise.id if team.enterprise else None,
        "team_id": team.id,
        "user_id": call.app.bot_user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    page, cursor = call.page([entry])
    return {"authorizations": page, "response_metadata": {"next_cursor": cursor}}


@method("apps.manifest.validate", tokens=CONFIGURATION)
async def validate_manifest(call: Call) -> Json:
    """Say what is wrong with a manifest (https://docs.slack.dev/reference/methods/apps.manifest.validate)."""
    manifest = call.decoded("manifest", "invalid_manifest")
    if manifest is None:
        raise invalid("missing required field: manifest")
    if not isinstance(manifest, Mapping):
        raise SlackError("invalid_manifest", errors=[{"message": "must be an object", "pointer": "/"}])
    if call.text("app_id") and call.text("app_id") not in {*call.platform.apps.installed, *call.platform.apps.known}:
        raise SlackError("invalid_app_id")
    try:
        problems = unreachable(read_manifest(manifest))
    except ManifestError as error:
        problems = error.problems
    if problems:
        raise SlackError("invalid_manifest", errors=problems)
    return {"errors": []}


@method("apps.uninstall", tier=1, json_body=False)
async def uninstall(call: Call) -> Json:
    """Take the app out of the workspace (https://docs.slack.dev/reference/methods/apps.uninstall)."""
    app = call.app
    wanted = call.platform.apps.by_client(call.required("client_id"))
    if wanted is None:
        raise SlackError("invalid_client_id")
    if wanted is not app:
        raise SlackError("client_id_token_mismatch")
    if call.required("client_secret") != app.client_secret:
        raise SlackError("bad_client_secret")
    await remove(call)
    return {}


async def remove(call: Call) -> None:
    """Uninstall the calling app; it is told first (https://docs.slack.dev/reference/events/app_uninstalled)."""
    app, platform = call.app, call.platform
    platform.deliveries.spawn(events.uninstalled(platform, app))
    platform.apps.remove(app)


@method("bots.info", "users:read", json_body=False)
async def bots_info(call: Call) -> Json:
    """Describe a bot (https://docs.slack.dev/reference/methods/bots.info)."""
    wanted, apps = call.text("bot", call.app.bot_id), call.platform.apps
    for app in (*apps.installed.values(), *apps.known.values()):
        if app.bot_id == wanted:
            return {"bot": app.bot(call.platform.base_url, is_deleted=app.id not in apps.installed)}
    raise SlackError("bot_not_found")
