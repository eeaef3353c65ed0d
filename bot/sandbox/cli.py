"""The command line of the sandbox: start a workspace, install apps, run until interrupted."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.sandbox.apps import App, AppConfig
from bot.sandbox.errors import ControlError, Json, ManifestError, SeedError, StateError
from bot.sandbox.options import Options
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.seed import Seed
from bot.sandbox.wire_listing import recording

_USAGE_ERROR = 2
_VERIFY_PAUSE = 0.5
_RECORDED = 100_000
_OF_AN_APP = ("mode", "request_url", "signing_secret", "bot_token", "app_token")


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line; `prog` is what it was called by."""
    made = argparse.ArgumentParser(
        prog=prog,
        description="Run a local Slack workspace that any Slack app can be pointed at.",
        epilog="Point an app's Slack client at the printed API URL and give it the printed tokens. For several apps, "
        "repeat --app-manifest and what belongs to an app, in the same order.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    apps = made.add_argument_group("apps")
    apps.add_argument(
        "--app-manifest",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.json",
        help="install the app this manifest describes; may be repeated",
    )
    apps.add_argument(
        "--mode",
        choices=("socket", "http"),
        action="append",
        help="how to reach it (default: as its manifest says)",
    )
    apps.add_argument(
        "--request-url", action="append", metavar="URL", help="where an app in HTTP mode listens, for all deliveries"
    )
    apps.add_argument(
        "--signing-secret", action="append", metavar="SECRET", help="secret that HTTP deliveries are signed with"
    )
    apps.add_argument("--bot-token", action="append", metavar="xoxb-…", help="the app's bot token (default: made up)")
    apps.add_argument(
        "--app-token", action="append", metavar="xapp-…", help="the app's app-level token (default: made up)"
    )
    made.add_argument("--seed", type=Path, metavar="FILE.json", help="people and channels (default: a small company)")
    made.add_argument("--state", type=Path, metavar="FILE", help="keep the workspace in this file, over restarts")
    made.add_argument(
        "--record", type=Path, metavar="FILE.json", help="write down at the end what passed over the wire"
    )
    made.add_argument(
        "--limits", choices=("off", "relaxed", "strict"), default="off", help="rate limits (default: %(default)s)"
    )
    made.add_argument("--print-json", action="store_true", help="print addresses and tokens as one JSON line")
    return made


def run(argv: Sequence[str], prog: str = "shipmate sandbox") -> int:
    """Run a sandbox until SIGINT or SIGTERM; returns the exit status (2: an argument or a file is wrong)."""
    args = parser(prog).parse_args(argv)
    try:
        return asyncio.run(_serve(args, prog))
    except (ManifestError, SeedError, StateError, ControlError, OSError) as error:
        sys.stderr.write(f"{prog}: {error}\n")
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


async def _serve(args: argparse.Namespace, prog: str) -> int:
    configs = _configs(args)
    seed = Seed.read(args.seed) if args.seed else Seed()
    options = Options(limits=args.limits)
    if args.record:
        options = replace(options, deliveries_limit=_RECORDED)
        args.record.touch()  # better to know at the start that it cannot be written
    sandbox = Sandbox(seed, options, state=args.state)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await sandbox.start(args.host, args.port)
        for config in configs:
            sandbox.platform.apps.install(config)
        apps = list(sandbox.platform.apps.installed.values())
        sys.stdout.write(_announcement(sandbox, apps, as_json=args.print_json))
        sys.stdout.flush()
        verifying = [asyncio.create_task(_verify(sandbox, app, prog)) for app in apps]
        await stop.wait()
        for task in verifying:
            task.cancel()
        await asyncio.gather(*verifying, return_exceptions=True)
    finally:
        await sandbox.stop()
        if args.record:
            args.record.write_text(recording(sandbox.platform), encoding="utf-8")
    return 0


def _configs(args: argparse.Namespace) -> list[AppConfig]:
    """Return one config for each manifest; what is repeated belongs to the manifest in the same place.

    One `--mode` is for all apps. Raises `ManifestError` for faulty files, `ControlError` for more than there are apps.
    """
    count = len(args.app_manifest)
    given: list[Json] = [{} for _ in args.app_manifest]
    for name in _OF_AN_APP:
        values = getattr(args, name) or []
        option = "--" + name.replace("_", "-")
        if name == "mode" and len(values) == 1:
            values = values * count
        if len(values) not in {0, count}:
            advice = "give it once for each, in the same order" if count else "pass --app-manifest, too"
            raise ControlError("usage", f"{option}: was given {len(values)} times for {count} apps; {advice}")
        for config, value in zip(given, values, strict=False):
            config[name] = value
    return [
        AppConfig(manifest=_read_manifest(path), **config)
        for path, config in zip(args.app_manifest, given, strict=True)
    ]


async def _verify(sandbox: Sandbox, app: App, prog: str) -> None:
    """Ask an app in HTTP mode for its challenge until it answers: it needs the printed tokens before it can start."""
    told = False
    while True:
        try:
            await sandbox.verify(app)
        except ControlError as error:
            if not told:
                sys.stderr.write(f"{prog}: waiting for the app: {error}\n")
            told = True
            await asyncio.sleep(_VERIFY_PAUSE)
        else:
            return


def _facts(app: App) -> dict[str, str]:
    return {
        "app_id": app.id,
        "bot_user_id": app.bot_user_id,
        "bot_token": app.bot_token,
        "app_token": app.app_token,
        "signing_secret": app.signing_secret,
    }


def _announcement(sandbox: Sandbox, apps: Sequence[App], *, as_json: bool) -> str:
    """Return the addresses and tokens; as JSON, the first app's stand at the top, too."""
    facts = {"url": sandbox.url, "api_url": sandbox.api_url, "team_id": sandbox.workspace.team.id}
    if as_json:
        listed = [{"name": app.name, **_facts(app)} for app in apps]
        return json.dumps({**facts, **(_facts(apps[0]) if apps else {}), "apps": listed}) + "\n"
    lines = _columns(facts)
    for app in apps:
        lines += ["", f"{app.name}:", *_columns(_facts(app))] if len(apps) > 1 else _columns(_facts(app))
    return "\n".join(["A local Slack workspace is running; stop it with Ctrl-C.", *lines]) + "\n"


def _columns(facts: dict[str, str]) -> list[str]:
    return [f"{name.replace('_', ' '):<14}  {value}" for name, value in facts.items()]
