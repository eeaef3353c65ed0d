"""What `shipmate check` asks Slack: do the tokens count, and which scope is missing.

Sources: https://docs.slack.dev/reference/methods/auth.test (the granted scopes stand in the header `x-oauth-scopes`),
https://docs.slack.dev/reference/methods/apps.connections.open
"""

from bot.clock import Clock
from bot.health import Health
from bot.settings import Settings
from bot.slack import failures
from bot.slack.connection import Connection
from bot.slack.manifest import scopes

_REINSTALL = "update the app from `shipmate manifest` and install it again"


async def check(settings: Settings, clock: Clock) -> Health:
    """Return whether Slack can be used as configured, with what is wrong and what to do."""
    slack = settings.slack
    connection = Connection(token=slack.bot_token.get_secret_value(), api_url=slack.api_url, clock=clock)
    await connection.open()
    try:
        answer = await connection.client.auth_test()
        if slack.mode == "socket":
            await connection.client.apps_connections_open(app_token=slack.app_token.get_secret_value())
    except Exception as error:
        failure = failures.read(error)
        if failure is None:
            raise
        return Health(ok=False, detail=f"{failure.reason}: {_REINSTALL}, and look at both tokens")
    finally:
        await connection.close()
    granted = {scope.strip() for scope in str(answer.headers.get("x-oauth-scopes", "")).split(",") if scope.strip()}
    missing = sorted(set(scopes(settings)) - granted) if granted else []
    if missing:
        return Health(ok=False, detail=f"missing scopes: {', '.join(missing)}; {_REINSTALL}")
    return Health(ok=True, detail=f"{answer.get('team')}, as {answer.get('user')}, by {slack.mode}")
