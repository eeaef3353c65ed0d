"""Methods about tokens (https://docs.slack.dev/reference/methods?family=auth)."""

from bot.sandbox import events
from bot.sandbox.call import ANY, PEOPLE, Call, method
from bot.sandbox.errors import Json
from bot.sandbox.methods.apps import remove


@method("auth.test", tier=4, tokens=ANY)
async def auth_test(call: Call) -> Json:
    """Say whose token this is (https://docs.slack.dev/reference/methods/auth.test)."""
    app, workspace = call.app, call.platform.workspace
    team = workspace.team
    if call.caller.kind == "app":
        return {"app_name": app.name, "app_id": app.id}
    answer: Json = {
        "url": team.url,
        "team": team.name,
        "user": workspace.users[call.actor].name,
        "team_id": team.id,
        "user_id": call.actor,
        "is_enterprise_install": False,
    }
    if call.caller.kind == "bot":
        answer["bot_id"] = app.bot_id
    if team.enterprise is not None:
        answer["enterprise_id"] = team.enterprise.id
    if call.caller.expires is not None:
        answer["expires_in"] = max(0, int(call.caller.expires - call.platform.clock()))
    return answer


@method("auth.revoke", tokens=PEOPLE, json_body=False)
async def revoke(call: Call) -> Json:
    """End the token of this call; without its bot token an app is installed no more.

    Reference: https://docs.slack.dev/reference/methods/auth.revoke
    """
    if call.flag("test"):
        return {"revoked": False}
    app, platform = call.app, call.platform
    app.revoked.add(call.caller.token)
    app.tokens.pop(call.caller.token, None)
    if call.caller.kind == "bot":
        await remove(call)
        return {"revoked": True}
    gone = {"type": "tokens_revoked", "tokens": {"oauth": [call.actor], "bot": []}}
    platform.deliveries.spawn(events.emit(platform, "tokens_revoked", gone, only=app.id))
    return {"revoked": True}


@method("auth.teams.list", tier=2, tokens=PEOPLE, json_body=False)
async def teams(call: Call) -> Json:
    """List the workspaces the app is installed in (https://docs.slack.dev/reference/methods/auth.teams.list)."""
    team = call.platform.workspace.team
    page, cursor = call.page([{"id": team.id, "name": team.name}])
    return {"teams": page, "response_metadata": {"next_cursor": cursor}}
