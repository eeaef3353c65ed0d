"""Methods about the app and its workspace: who calls, Socket Mode connections, team and bot."""

from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError


@method("api.test", tier=4)
async def api_test(call: Call) -> Json:
    """Echo the arguments, failing on request (https://docs.slack.dev/reference/methods/api.test)."""
    args = {name: value for name, value in call.args.items() if name != "token"}
    if wanted := call.text("error"):
        raise SlackError(wanted, args=args)
    return {"args": args}


@method("auth.test", tier=4)
async def auth_test(call: Call) -> Json:
    """Say whose token this is (https://docs.slack.dev/reference/methods/auth.test)."""
    workspace = call.platform.workspace
    return {
        "url": f"https://{workspace.team.domain}.slack.example/",
        "team": workspace.team.name,
        "user": workspace.users[call.app.bot_user_id].name,
        "team_id": workspace.team.id,
        "user_id": call.app.bot_user_id,
        "bot_id": call.app.bot_id,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", tier=1, app_token=True)
async def connections_open(call: Call) -> Json:
    """Return a URL for one Socket Mode connection (https://docs.slack.dev/reference/methods/apps.connections.open)."""
    if call.app.mode != "socket":
        raise SlackError("socket_mode_disabled")
    ticket = call.platform.sockets.ticket(call.app)
    base = call.platform.base_url.replace("http", "ws", 1)
    return {"url": f"{base}/link/?ticket={ticket}&app_id={call.app.id}"}


@method("team.info", "team:read")
async def team_info(call: Call) -> Json:
    """Describe a workspace (https://docs.slack.dev/reference/methods/team.info)."""
    workspace = call.platform.workspace
    team = workspace.teams.get(call.text("team", workspace.team.id))
    if team is None:
        raise SlackError("team_not_found")
    return {"team": team.wire()}


@method("bots.info", "users:read")
async def bots_info(call: Call) -> Json:
    """Describe a bot (https://docs.slack.dev/reference/methods/bots.info)."""
    wanted = call.text("bot", call.app.bot_id)
    for app in call.platform.apps.installed.values():
        if app.bot_id == wanted:
            bot = {
                "id": app.bot_id,
                "deleted": False,
                "name": app.name,
                "updated": 0,
                "app_id": app.id,
                "user_id": app.bot_user_id,
                "icons": {},
            }
            return {"bot": bot}
    raise SlackError("bot_not_found")
