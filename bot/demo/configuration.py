"""The demo's configuration: an ordinary `shipmate.yaml`, with the ids and ports of this run filled in."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ERRORS = (
    'sum(rate(http_requests_total{{code=~"5..",service="{service}",environment="{environment}"}}[10s]))'
    ' / sum(rate(http_requests_total{{service="{service}",environment="{environment}"}}[10s]))'
).replace("{{", "{").replace("}}", "}")  # fmt: skip
LATENCY = (
    'sum(rate(http_request_duration_seconds_sum{{service="{service}",environment="{environment}"}}[10s]))'
    ' / sum(rate(http_request_duration_seconds_count{{service="{service}",environment="{environment}"}}[10s]))'
).replace("{{", "{").replace("}}", "}")  # fmt: skip
ALIASES = (
    "rollback", "where", "deploys", "approve", "reject", "revoke", "lock", "unlock", "freeze", "unfreeze", "calendar",
    "metrics", "build", "review", "audit", "cd", "release", "promote", "alerts", "alert", "acknowledge", "silence",
    "silences",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What the local workspace gave the app: where it is, its tokens, and each person's Slack id and e-mail."""

    api_url: str
    bot_token: str
    app_token: str
    signing_secret: str
    people: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """The servers that watch the shop: their addresses, "" where there is none, and the reference to a token.

    The token is what Alertmanager proves itself with.
    """

    prometheus_url: str = ""
    alertmanager_url: str = ""
    webhook_token: str = ""


def write(folder: Path, workspace: Workspace, *, ports: Mapping[str, int], watchers: Watchers) -> Path:
    """Write shipmate.yaml into `folder` and return its path. `ports` are those of staging, production and the bot."""
    path = folder / "shipmate.yaml"
    head = "# The demo's configuration, written at each start: read it, it is an ordinary shipmate.yaml.\n"
    settings = _settings(folder, workspace, ports, watchers)
    path.write_text(head + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=110))
    return path


def keep_secrets(folder: Path, **secrets: str) -> dict[str, str]:
    """Write each secret to a file of its own that only we can read, and return the references to them."""
    kept = folder / "secrets"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, secret in secrets.items():
        (kept / name).write_text(secret)
    return {name: f"file:{kept / name}" for name in secrets}


def _settings(folder: Path, workspace: Workspace, ports: Mapping[str, int], watchers: Watchers) -> dict[str, Any]:
    integrations: dict[str, Any] = {
        "local": {
            "type": "local",
            "repositories": {"checkout": str(folder / "checkout")},
            "builds": {"checkout": {}},
            "places": {
                f"checkout/{name}": {
                    "port": ports[name],
                    "command": [sys.executable, "{release}/app.py", "{port}"],
                    "health": "/healthz",
                    "version_path": "/version",
                    "ready_timeout": 20,
                    "stop_timeout": 3,
                }
                for name in ("staging", "production")
            },
        }
    }
    if watchers.prometheus_url:
        integrations["prom"] = {"type": "prometheus", "url": watchers.prometheus_url}
    if watchers.alertmanager_url:
        integrations["alertmanager"] = {
            "type": "alertmanager",
            "url": watchers.alertmanager_url,
            "receiver": "shipmate",
            "webhook_token": watchers.webhook_token,
        }
    return {
        "state_dir": str(folder / "state"),
        "server": {"host": "127.0.0.1", "port": ports["shipmate"]},
        "slack": {
            "mode": "socket",
            "api_url": workspace.api_url,
            **keep_secrets(
                folder,
                bot_token=workspace.bot_token,
                app_token=workspace.app_token,
                signing_secret=workspace.signing_secret,
            ),
            "aliases": [*ALIASES],
            "announce": "releases",
        },
        "people": {name: {"slack": ident, "emails": [email]} for name, (ident, email) in workspace.people.items()},
        "groups": {"developers": ["mia", "tom"], "release-managers": ["ana", "raj"], "on-call": ["raj"]},
        "permissions": _permissions(),
        "policy": {
            "emergency": {"approvers": ["on-call"], "checks": ["unit-tests"]},
            "force": {"skips": ["approvals", "freezes", "promotion"]},
            "review": {"groups": ["release-managers"]},
            "standard": [{"name": "rollback", "kinds": ["rollback"]}],
        },
        "integrations": integrations,
        "alerts": {"channel": "releases", "poll": "5s", "timezone": "Europe/Berlin"},
        "environments": {"staging": {}, "production": {"production_like": True}},
        "services": {"checkout": _checkout(ports, with_metrics=bool(watchers.prometheus_url))},
    }


def _permissions() -> list[dict[str, Any]]:
    return [
        {"allow": ["*.read"], "to": ["everyone"]},
        {"allow": ["build.start", "build.abort", "run.answer"], "to": ["developers", "release-managers"]},
        {
            "allow": ["deployment.start", "deployment.cancel", "deployment.rollback", "lock.take", "lock.release"],
            "to": ["developers", "release-managers"],
        },
        {"allow": ["deployment.approve", "release.cut"], "to": ["release-managers"]},
        {"allow": ["lock.break", "freeze.change"], "to": ["release-managers", "on-call"]},
        {"allow": ["deployment.review", "continuous.change", "deployment.unblock"], "to": ["release-managers"]},
        {"allow": ["deployment.start", "deployment.force"], "to": ["on-call"]},
        {"allow": ["alert.act", "alert.silence"], "to": ["on-call", "developers"]},
        {"allow": ["deployment.start"], "to": ["account:continuous"], "environments": ["staging"]},
    ]


def _checkout(ports: Mapping[str, int], *, with_metrics: bool) -> dict[str, Any]:
    metrics = [
        {"name": "errors", "with": "prom", "query": ERRORS, "max": 0.05, "unit": "ratio"},
        {"name": "latency", "with": "prom", "query": LATENCY, "max": 0.5, "unit": "seconds"},
    ]
    return {
        "title": "Checkout",
        "channel": "checkout",
        "owners": ["developers"],
        "repository": {"with": "local", "project": "checkout", "default_branch": "main"},
        "tickets": {"pattern": r"PAY-\d+", "url": "https://tickets.acme.example/browse/{}"},
        "build": {"with": "local", "job": "checkout"},
        "environments": [
            {
                "name": name,
                "deploy": {"with": "local", "job": f"checkout/{name}"},
                "checks": ["unit-tests"],
                "rollback": "automatic",
                "verify": {
                    "window": window,
                    "settle": settle if with_metrics else "0s",
                    "interval": "2s" if with_metrics else "500ms",
                    "metrics": metrics if with_metrics else [],
                    # Without Prometheus the shop itself is asked, so that the bad version is found out all the same.
                    "probes": [{"url": f"http://127.0.0.1:{ports[name]}/{'healthz' if with_metrics else ''}"}],
                    "failures_allowed": 1,
                },
                **gates,
            }
            for name, settle, window, gates in (
                ("staging", "0s", "10s", {"continuous": {"branch": "next", "poll": "10s"}}),
                (
                    "production",
                    "10s",  # as long as the queries look back: a rollback is not blamed for what it ends
                    "12s",
                    {
                        "promote_from": "staging",
                        "approvals": [{"count": 1, "from": ["release-managers"]}],
                        "approval_expires": "4h",
                    },
                ),
            )
        ],
    }
