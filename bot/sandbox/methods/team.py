"""Methods about the workspace: team, emoji, do not disturb (https://docs.slack.dev/reference/methods?family=team)."""

from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError

_FIELD = {
    "hint": "",
    "possible_values": None,
    "options": {"is_scim": False, "is_protected": True},
    "is_hidden": False,
}


@method("team.info", "team:read")
async def team_info(call: Call) -> Json:
    """Describe a workspace (https://docs.slack.dev/reference/methods/team.info)."""
    workspace = call.platform.workspace
    if domain := call.text("domain"):
        team = next((one for one in workspace.teams.values() if one.domain == domain), None)
    else:
        team = workspace.teams.get(call.text("team", workspace.team.id))
    if team is None:
        raise SlackError("team_not_found")
    return {"team": team.wire()}


@method("team.profile.get", "users.profile:read", json_body=False)
async def team_profile(call: Call) -> Json:
    """Describe the fields of profiles (https://docs.slack.dev/reference/methods/team.profile.get)."""
    team = call.platform.workspace.team.id
    section = {"id": "Ps0000", "team_id": team, "section_type": "main", "label": "About", "order": 1}
    labels = {"title": "Title", "phone": "Phone"}
    fields = [
        {"id": f"Xf{n:04}", "ordering": n, "field_name": name, "label": label, "type": "text", "section_id": "Ps0000"}
        | _FIELD
        for n, (name, label) in enumerate(labels.items())
    ]
    return {"profile": {"fields": fields, "sections": [section]}}


@method("emoji.list", "emoji:read", tier=2, json_body=False)
async def emoji(call: Call) -> Json:
    """List the custom emoji, of which there are none (https://docs.slack.dev/reference/methods/emoji.list)."""
    answer: Json = {"emoji": {}, "cache_ts": f"{call.platform.clock():.6f}"}
    if call.flag("include_categories"):
        answer |= {"categories_version": "5", "categories": []}
    return answer


@method("dnd.info", "dnd:read", json_body=False)
async def dnd_info(call: Call) -> Json:
    """Say when a person is not to be disturbed: never (https://docs.slack.dev/reference/methods/dnd.info)."""
    if call.text("user"):
        call.user()
    return _DISTURBABLE | {"snooze_enabled": False}


@method("dnd.teamInfo", "dnd:read", tier=2, json_body=False)
async def dnd_team(call: Call) -> Json:
    """Say the same of several people (https://docs.slack.dev/reference/methods/dnd.teamInfo)."""
    wanted = call.names("users")
    if not wanted:
        raise SlackError("no_users_provided")
    return {"users": {one: dict(_DISTURBABLE) for one in wanted if one in call.platform.workspace.users}}


_DISTURBABLE: Json = {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1}
