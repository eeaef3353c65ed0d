"""The command line: `shipmate serve`, `demo`, `sandbox`, `check`, `do`, `login`, `token`, `audit` and more."""

import argparse
import asyncio
import functools
import gc
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.terminal.login import SignIn

OK, FAILED, USAGE = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="shipmate",
        description="A ChatOps bot for Slack: deploy, approve, look and roll back from a channel.",
        epilog="Try it without an account anywhere: shipmate demo",
    )
    top.add_argument("--version", action="version", version=f"shipmate {version('shipmate')}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, text: str, *, config: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if config:
            made.add_argument(
                "--config", type=Path, default=Path("shipmate.yaml"), metavar="FILE", help="default: %(default)s"
            )
        return made

    add("serve", "run the bot until SIGTERM; SIGHUP reads the configuration again")
    check = add("check", "check the configuration, then ask every configured system and Slack how they are")
    check.add_argument("--offline", action="store_true", help="check the files only, ask nobody")
    connect = add("connect", "have a tool's projects send their webhooks here: shipmate connect gitlab")
    connect.add_argument("tool", choices=("gitlab",), help="gitlab: every project that a service names")
    manifest = add("manifest", "print the Slack app manifest for this configuration")
    manifest.add_argument("--format", choices=("yaml", "json"), default="yaml", help="default: %(default)s")
    add("schema", "print the JSON Schema of shipmate.yaml, for editors", config=False)
    do = add("do", "run one command from a terminal, under the same rules: shipmate do 'where checkout'", config=False)
    do.add_argument("text", nargs="+", help="the command as you would type it in Slack, without the slash")
    do.add_argument("--wait", action="store_true", help="follow what was started until it ends; exit 1 if it fails")
    do.add_argument("--json", action="store_true", help="print the answer as JSON")
    do.add_argument("--url", help="where Shipmate listens (default: $SHIPMATE_URL, else http://127.0.0.1:8080)")
    do.add_argument(
        "--token-file", type=Path, metavar="FILE", help="default: $SHIPMATE_TOKEN, else your sign-in (shipmate login)"
    )
    for name, text in (
        ("login", "sign in at the company's identity provider, for `shipmate do`"),
        ("logout", "forget the sign-in of this machine"),
    ):
        add(name, text, config=False).add_argument("--url", help="the Shipmate it is for (default: as for do)")
    _token_words(add("token", "make tokens for pipelines, and see when each was last used"))
    _audit_words(add("audit", "prove that the audit log is whole, write it out, follow it"))
    evidence = add("evidence", "write what is known of a deployment or release as a zip that can be verified offline")
    evidence.add_argument("subject", metavar="ID", help="D-1042 or R-88")
    evidence.add_argument("--out", type=Path, metavar="FILE", help="default: evidence-ID.zip")
    evidence.add_argument("--offline", action="store_true", help="do not ask the tools for logs")
    _policy_words(add("policy", "try the policy of a configuration before it is in force"))
    demo = add(
        "demo", "run everything on this machine: a workspace, a service with a history, Prometheus", config=False
    )
    demo.add_argument("--folder", type=Path, default=Path("var/demo"), help="where all of it lives (%(default)s)")
    demo.add_argument("--port", type=int, help="port of the workspace's page (default: $PORT, else 8055 or a free one)")
    demo.add_argument("--no-browser", action="store_true", help="do not open the page (also: NO_BROWSER=1)")
    demo.add_argument("--prometheus", metavar="PROGRAM", help="the Prometheus to run (default: the one on PATH)")
    commands.add_parser("sandbox", help="run a local Slack workspace for any Slack app", add_help=False)
    return top


def _token_words(token: argparse.ArgumentParser) -> None:
    """Declare what `shipmate token` takes."""
    actions = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make one: its secret is shown once, its hash goes into the configuration")
    new.add_argument("name", help="what it is called in the audit log")
    holder = new.add_mutually_exclusive_group(required=True)
    holder.add_argument("--account", help="the service account it stands for")
    holder.add_argument("--person", help="the person it stands for, from `people`")
    new.add_argument("--days", type=int, default=90, metavar="N", help="how long it lasts (default: %(default)s)")
    for key in ("allow", "services", "environments", "targets"):
        new.add_argument(f"--{key}", nargs="+", default=[], metavar="NAME", help=f"narrow it to these: {key}")
    actions.add_parser("list", help="show the tokens of the configuration, when they end and were last used")


def _audit_words(audit: argparse.ArgumentParser) -> None:
    """Declare what `shipmate audit` takes."""
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, text: str, *, span: bool = False) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        # Both orders are typed: `audit --config FILE verify` and `audit verify --config FILE`.
        made.add_argument(
            "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="default: shipmate.yaml"
        )
        if span:
            made.add_argument("--from", dest="since", metavar="DAY", help="from this day or moment on, in UTC")
            made.add_argument("--to", dest="until", metavar="DAY", help="up to the end of this day, or to this moment")
        return made

    verify = add("verify", "check the chain of hashes from the first entry on")
    verify.add_argument("--expect", default="", metavar="HEAD", help="a head that verify printed before: NUMBER:HASH")
    against = "compare with what a sink's files hold, oldest file first"
    verify.add_argument("--against", nargs="+", type=Path, default=[], metavar="FILE", help=against)
    add("checkpoint", "sign the log as it stands with audit.signing_key, and print the key's public half")
    prune = add("prune", "remove old entries that a signed checkpoint vouches for")
    prune.add_argument("--before", required=True, metavar="DAY", help="up to the last checkpoint before this day")
    export = add("export", "write entries to standard output, oldest first", span=True)
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: %(default)s")
    unnamed = "leave out what can be erased: people stand as pseudonyms, without what was typed"
    export.add_argument("--pseudonyms", action="store_true", help=unnamed)
    report = add("report", "write who changed production and rights, by which rule, as CSV", span=True)
    report.add_argument("--offline", action="store_true", help="do not ask the tools what runs now")
    tail = add("tail", "show the newest entries")
    tail.add_argument("-n", "--lines", type=int, default=20, metavar="N", help="how many (default: %(default)s)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with new ones until interrupted")


def _policy_words(policy: argparse.ArgumentParser) -> None:
    """Declare what `shipmate policy` takes."""
    actions = policy.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        made.add_argument(
            "--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="default: shipmate.yaml"
        )
        return made

    test = add("test", "try cases written in YAML; exit 1 when one comes out otherwise")
    test.add_argument("files", nargs="+", type=Path, metavar="CASES", help="files of cases")
    replay = add("replay", "say what of past deployments this configuration would have decided otherwise")
    replay.add_argument(
        "--since", default="30d", metavar="LENGTH", help="how far back: 12h, 30d (default: %(default)s)"
    )
    replay.add_argument("--json", action="store_true", help="one JSON object a line, the last one sums up")


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
    "policy": _policy,
    "evidence": _evidence,
    "demo": _demo,
}

if __name__ == "__main__":
    sys.exit(main())
