"""How the command line is typed: every subcommand of `shipmate` with what it takes."""

import argparse
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path


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
    _backup_words(add)
    _alerts_words(add("alerts", "try the rules for alerts of a configuration before they are in force"))
    _policy_words(add("policy", "try the policy of a configuration before it is in force"))
    demo = add(
        "demo", "run everything on this machine: a workspace, a service with a history, Prometheus", config=False
    )
    demo.add_argument("--folder", type=Path, default=Path("var/demo"), help="where all of it lives (%(default)s)")
    demo.add_argument("--port", type=int, help="port of the workspace's page (default: $PORT, else 8055 or a free one)")
    demo.add_argument("--no-browser", action="store_true", help="do not open the page (also: NO_BROWSER=1)")
    demo.add_argument("--prometheus", metavar="PROGRAM", help="the Prometheus to run (default: the one on PATH)")
    demo.add_argument("--alertmanager", metavar="PROGRAM", help="the Alertmanager to run (default: the one on PATH)")
    commands.add_parser("sandbox", help="run a local Slack workspace for any Slack app", add_help=False)
    return top


def _backup_words(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Declare `shipmate backup`, `restore` and `export`."""
    saved = add("backup", "save everything that is kept to one file, also while Shipmate runs")
    back = add("restore", "put a backup in the place of what is there; what was in flight is then held until asked")
    export = add("export", "write everything that is kept as JSON lines to standard output")
    saved.add_argument("file", type=Path, metavar="FILE", help="a new file")
    back.add_argument("file", type=Path, metavar="FILE", help="what `shipmate backup` wrote")
    back.add_argument(
        "--replace", action="store_true", help="keep a database that is there aside, in place of refusing"
    )
    export.add_argument("--tables", nargs="+", default=[], metavar="NAME", help="only these tables")


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


def _alerts_words(alerts: argparse.ArgumentParser) -> None:
    """Declare what `shipmate alerts` takes."""
    actions = alerts.add_subparsers(dest="action", metavar="ACTION", required=True)
    text = "say which past alert groups this configuration would have told of in one message"
    replay = actions.add_parser("replay", help=text, description=f"{text[0].upper()}{text[1:]}.")
    replay.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="default: shipmate.yaml")
    replay.add_argument("--since", default="7d", metavar="LENGTH", help="how far back: 12h, 7d (default: %(default)s)")
    replay.add_argument("--json", action="store_true", help="one JSON object a line, the last one sums up")


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
