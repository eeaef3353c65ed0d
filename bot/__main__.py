"""The command line: `shipmate serve`, `demo`, `sandbox`, `check`, `do`, `login`, `token`, `audit` and more."""

import argparse
import asyncio
import functools
import gc
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.usage import parser

if TYPE_CHECKING:
    from bot.terminal.login import SignIn

OK, FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 refused or failed, 2 misused, 3 unreachable."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["sandbox"]:
        from bot.sandbox.cli import run

        return run(words[1:])
    args = parser().parse_args(words)
    try:
        return _RUN[args.command](args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return FAILED


def _serve(args: argparse.Namespace) -> int:
    gc.disable()  # nothing that a start makes is garbage: `serve` turns it on again
    from bot.app import serve
    from bot.settings import SettingsError, load, read_environ
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    return asyncio.run(serve(settings, args.config))


def _check(args: argparse.Namespace) -> int:
    from bot.app.checkup import check
    from bot.clock import SystemClock
    from bot.settings import SettingsError, load, read_environ, warnings
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    for warning in warnings(settings):
        print(f"warning  {warning}")
    print(f"ok       {args.config}: {len(settings.services)} services, {len(settings.integrations)} integrations")
    if args.offline:
        return OK
    return asyncio.run(check(settings, SystemClock(), print))


def _connect(args: argparse.Namespace) -> int:
    from bot.app.connecting import connect
    from bot.clock import SystemClock
    from bot.settings import SettingsError, load, read_environ
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    return asyncio.run(connect(settings, args.tool, SystemClock(), print))


def _manifest(args: argparse.Namespace) -> int:
    from bot.settings import SettingsError, load, read_environ
    from bot.slack import manifest
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    built = manifest.build(settings, registry())
    if args.format == "json":
        print(json.dumps(built, indent=2))
    else:
        import yaml

        print(yaml.safe_dump(built, sort_keys=False, allow_unicode=True), end="")
    return OK


def _schema(_: argparse.Namespace) -> int:
    from bot.settings import json_schema

    print(json.dumps(json_schema(), indent=2))
    return OK


def _do(args: argparse.Namespace) -> int:
    from bot.settings import read_environ
    from bot.terminal import ask
    from bot.terminal.login import NotSignedIn

    environ = read_environ()
    url = _url(args, environ)
    token = environ.get("SHIPMATE_TOKEN", "")
    if args.token_file is not None:
        try:
            token = args.token_file.read_text().strip()
        except OSError as error:
            print(f"shipmate do: {args.token_file}: {error.strerror}", file=sys.stderr)
            return USAGE
    try:
        token = token or asyncio.run(_sign_in(url, environ).token())
    except NotSignedIn as error:
        print(f"shipmate do: {error}", file=sys.stderr)
        return error.status
    if not token:
        print("shipmate do: no token: shipmate login, or set SHIPMATE_TOKEN, or give --token-file", file=sys.stderr)
        return USAGE
    return asyncio.run(ask(" ".join(args.text), url=url, token=token, wait=args.wait, as_json=args.json, say=print))


def _login(args: argparse.Namespace) -> int:
    from bot.settings import read_environ
    from bot.terminal.login import NotSignedIn

    environ = read_environ()
    sign_in = _sign_in(_url(args, environ), environ)
    try:
        asyncio.run(sign_in.begin() if args.command == "login" else sign_in.end())
    except NotSignedIn as error:
        print(f"shipmate {args.command}: {error}", file=sys.stderr)
        return error.status
    return OK


def _url(args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    return args.url or environ.get("SHIPMATE_URL") or "http://127.0.0.1:8080"


def _sign_in(url: str, environ: Mapping[str, str]) -> "SignIn":
    from bot.clock import SystemClock
    from bot.terminal.login import Kept, SignIn, config_folder

    return SignIn(url, Kept(config_folder(environ)), SystemClock(), say=functools.partial(print, flush=True))


def _token(args: argparse.Namespace) -> int:
    from bot.app.tokens import list_tokens, new_token
    from bot.clock import SystemClock
    from bot.settings import SettingsError, load, read_environ

    if args.action == "new":
        holder = f"account: {args.account}" if args.account else f"person: {args.person}"
        scope = [(key, getattr(args, key)) for key in ("allow", "services", "environments", "targets")]
        try:
            new_token(args.name, holder, SystemClock(), print, days=args.days, scope=scope)
        except ValueError as error:
            print(f"shipmate token: {error}", file=sys.stderr)
            return USAGE
        return OK
    try:
        settings = load(args.config, read_environ())
    except SettingsError as error:
        return _mistakes(error)
    asyncio.run(list_tokens(settings, SystemClock(), print))
    return OK


def _audit(args: argparse.Namespace) -> int:
    from bot.app import auditing
    from bot.audit import Search
    from bot.settings import SettingsError, load, read_environ
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    say = functools.partial(print, flush=getattr(args, "follow", False))
    try:
        match args.action:
            case "verify":
                work = auditing.verify_audit(settings, say, expected=args.expect, against=args.against)
            case "checkpoint":
                work = auditing.checkpoint_audit(settings, say)
            case "prune":
                work = auditing.prune_audit(settings, say, before=auditing.moment(args.before))
            case "tail":
                work = auditing.tail_audit(settings, say, lines=args.lines, follow=args.follow)
            case _:
                since = auditing.moment(args.since) if args.since else None
                until = auditing.moment(args.until, end=True) if args.until else None
                span = Search(since=since, until=until)
                if args.action == "report":
                    work = auditing.report_audit(settings, say, since=since, until=until, offline=args.offline)
                else:
                    work = auditing.export_audit(
                        settings, say, search=span, form=args.format, named=not args.pseudonyms
                    )
        return asyncio.run(work)
    except ValueError as error:
        print(f"shipmate audit: {error}", file=sys.stderr)
        return FAILED


def _evidence(args: argparse.Namespace) -> int:
    from bot.app.bundling import write_evidence
    from bot.settings import SettingsError, load, read_environ
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    try:
        return asyncio.run(write_evidence(settings, print, args.subject, out=args.out, offline=args.offline))
    except ValueError as error:
        print(f"shipmate evidence: {error}", file=sys.stderr)
        return FAILED


def _backup(args: argparse.Namespace) -> int:
    from bot.settings import SettingsError, load, read_environ
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
    except SettingsError as error:
        return _mistakes(error)
    try:
        if args.command == "export":
            from bot.app.exporting import export

            return asyncio.run(export(settings, sys.stdout, tables=tuple(args.tables)))
        from bot.app.backup import backup, restore

        if args.command == "backup":
            return asyncio.run(backup(settings, args.file, print))
        return asyncio.run(restore(settings, args.file, print, replace=args.replace))
    except ValueError as error:
        print(f"shipmate {args.command}: {error}", file=sys.stderr)
        return FAILED


def _policy(args: argparse.Namespace) -> int:
    from bot.app import trials
    from bot.settings import SettingsError, load, read_environ
    from bot.settings.values import parse_duration
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
        if args.action == "test":
            return trials.run_cases(settings, args.files, print)
        since = parse_duration(args.since)
        return asyncio.run(trials.replay_policy(settings, print, since=since, as_json=args.json))
    except SettingsError as error:
        return _mistakes(error)
    except ValueError as error:
        print(f"shipmate policy: {error}", file=sys.stderr)
        return FAILED


def _alerts(args: argparse.Namespace) -> int:
    from bot.app.alert_trials import replay_alerts
    from bot.settings import SettingsError, load, read_environ
    from bot.settings.values import parse_duration
    from commands.registry import permissions, registry

    try:
        settings = load(args.config, read_environ(), known_permissions=permissions(), known_commands=registry())
        return asyncio.run(replay_alerts(settings, print, since=parse_duration(args.since), as_json=args.json))
    except SettingsError as error:
        return _mistakes(error)
    except ValueError as error:
        print(f"shipmate alerts: {error}", file=sys.stderr)
        return FAILED


def _demo(args: argparse.Namespace) -> int:
    from bot.demo.run import Wishes, run
    from bot.settings import read_environ

    environ = read_environ()
    port = args.port
    if port is None and environ.get("PORT"):
        try:
            port = int(environ["PORT"])
        except ValueError:
            print(f"shipmate demo: PORT={environ['PORT']!r} is no number", file=sys.stderr)
            return USAGE
    wishes = Wishes(
        folder=args.folder.resolve(),
        port=port,
        browser=not (args.no_browser or environ.get("NO_BROWSER")),
        prometheus=args.prometheus or "",
        alertmanager=args.alertmanager or "",
    )
    return asyncio.run(run(wishes, functools.partial(print, flush=True)))  # seen at once, also in a file


def _mistakes(error: Exception) -> int:
    print(error, file=sys.stderr)
    return USAGE


_RUN = {
    "serve": _serve,
    "check": _check,
    "connect": _connect,
    "manifest": _manifest,
    "schema": _schema,
    "do": _do,
    "login": _login,
    "logout": _login,
    "token": _token,
    "audit": _audit,
    "alerts": _alerts,
    "backup": _backup,
    "restore": _backup,
    "export": _backup,
    "policy": _policy,
    "evidence": _evidence,
    "demo": _demo,
}

if __name__ == "__main__":
    sys.exit(main())
