"""The command line of the sandbox: start a workspace, install an app, run until interrupted."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.sandbox.apps import App, AppConfig
from bot.sandbox.errors import ControlError, Json, ManifestError, SeedError
from bot.sandbox.options import Options
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.seed import Seed

_USAGE_ERROR = 2
_VERIFY_PAUSE = 0.5


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="shipmate sandbox",
        description="Run a local Slack workspace that any Slack app can be pointed at.",
        epilog="Point an app's Slack client at the printed API URL and give it the printed tokens.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    made.add_argument("--app-manifest", type=Path, metavar="FILE.json", help="install the app this manifest describes")
    made.add_argument("--mode", choices=("socket", "http"), help="how to reach the app (default: as its manifest says)")
    made.add_argument("--request-url", metavar="URL", help="where an app in HTTP mode listens, for all deliveries")
    made.add_argument("--signing-secret", metavar="SECRET", help="secret that HTTP deliveries are signed with")
    made.add_argument("--bot-token", metavar="xoxb-…", help="the app's bot token (default: made up)")
    made.add_argument("--app-token", metavar="xapp-…", help="the app's app-level token (default: made up)")
    made.add_argument("--seed", type=Path, metavar="FILE.json", help="people and channels (default: a small company)")
    made.add_argument(
        "--limits", choices=("off", "relaxed", "strict"), default="off", help="rate limits (default: %(default)s)"
    )
    made.add_argument("--print-json", action="store_true", help="print addresses and tokens as one JSON line")
    return made


def run(argv: Sequence[str]) -> int:
    """Run a sandbox until SIGINT or SIGTERM; returns the exit status (2: an argument or a file is wrong)."""
    args = parser().parse_args(argv)
    try:
        return asyncio.run(_serve(args))
    except (ManifestError, SeedError, ControlError, OSError) as error:
        sys.stderr.write(f"shipmate sandbox: {error}\n")
        return _USAGE_ERROR


def _read_manifest(path: Path) -> Json:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        problem = {"message": f"{path}, line {error.lineno}: not JSON ({error.msg})", "pointer": "/"}
        raise ManifestError([problem]) from error
    if not isinstance(data, dict):
        raise ManifestError([{"message": f"{path}: must hold one JSON object", "pointer": "/"}])
    return data


async def _serve(args: argparse.Namespace) -> int:
    seed = Seed.read(args.seed) if args.seed else Seed()
    sandbox = Sandbox(seed, Options(limits=args.limits))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await sandbox.start(args.host, args.port)
    try:
        app = sandbox.platform.apps.install(_config(args)) if args.app_manifest else None
        sys.stdout.write(_announcement(sandbox, app, as_json=args.print_json))
        sys.stdout.flush()
        verifying = asyncio.create_task(_verify(sandbox, app))
        await stop.wait()
        verifying.cancel()
        await asyncio.gather(verifying, return_exceptions=True)
    finally:
        await sandbox.stop()
    return 0


def _config(args: argparse.Namespace) -> AppConfig:
    return AppConfig(
        manifest=_read_manifest(args.app_manifest),
        mode=args.mode,
        bot_token=args.bot_token,
        app_token=args.app_token,
        signing_secret=args.signing_secret,
        request_url=args.request_url,
    )


async def _verify(sandbox: Sandbox, app: App | None) -> None:
    """Ask an app in HTTP mode for its challenge until it answers: it needs the printed tokens before it can start."""
    told = False
    while app is not None:
        try:
            await sandbox.verify(app)
        except ControlError as error:
            if not told:
                sys.stderr.write(f"shipmate sandbox: waiting for the app: {error}\n")
            told = True
            await asyncio.sleep(_VERIFY_PAUSE)
        else:
            return


def _announcement(sandbox: Sandbox, app: App | None, *, as_json: bool) -> str:
    facts = {"url": sandbox.url, "api_url": sandbox.api_url, "team_id": sandbox.workspace.team.id}
    if app is not None:
        facts |= {
            "app_id": app.id,
            "bot_user_id": app.bot_user_id,
            "bot_token": app.bot_token,
            "app_token": app.app_token,
            "signing_secret": app.signing_secret,
        }
    if as_json:
        return json.dumps(facts) + "\n"
    width = max(map(len, facts))
    lines = [f"{name.replace('_', ' '):<{width}}  {value}" for name, value in facts.items()]
    return "\n".join(["A local Slack workspace is running; stop it with Ctrl-C.", *lines]) + "\n"
