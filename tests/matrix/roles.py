"""Who asks, and the policy of the tests in plain words: what each role may, told without the code under test."""

from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from bot.sandbox.seed import ChannelSeed, Seed, TeamSeed, UserSeed

MINE, THEIRS = "checkout", "search"
"""The service that roles with rights on one service have them on, and the one that they have none on."""

JOB = {"with": "local", "job": "x"}


class Role(NamedTuple):
    """One kind of people. `may` are permissions, on `MINE` alone unless `everywhere`; `refused` is what strangers get.

    `account` is the service account that it is instead, `token_for` what its token is narrowed to.
    """

    user: str
    may: tuple[str, ...] = ()
    everywhere: bool = False
    refused: str = ""
    account: str = ""
    token_for: tuple[str, ...] = ()


ROLES: dict[str, Role] = {
    "owner": Role("ana", ("*",), everywhere=True),
    "requester": Role(
        "mia",
        ("deployment.*", "build.*", "release.*", "lock.*", "freeze.change", "issue.*", "merge_request.*", "*.read"),
    ),
    "on call": Role("tom", ("alert.*", "oncall.*", "deployment.read", "deployment.rollback", "run.answer")),
    "reader": Role("raj", ("*.read",), everywhere=True),
    "without grants": Role("vic"),
    "guest": Role("gus", refused="guest"),
    "named guest": Role("ned", ("deployment.read", "deployment.start")),
    "outsider": Role("pat", refused="outsider"),
    "named outsider": Role("pam", ("deployment.read", "deployment.start")),
    "deactivated": Role("dee", refused="deactivated"),
    "named deactivated": Role("dan", ("*",), everywhere=True, refused="deactivated"),
    "bot": Role("hal", refused="outsider"),
    "service account": Role("", ("deployment.start", "build.*", "deployment.read"), account="ci"),
    "narrowed account": Role("", ("deployment.*",), account="narrow", token_for=("deployment.start",)),
}

SEED = Seed(
    other_teams=(TeamSeed(name="Globex", domain="globex"),),
    users=tuple(
        UserSeed(
            name=role.user,
            real_name=role.user.capitalize(),
            email=f"{role.user}@acme.example",
            guest="multi_channel" if "guest" in name else "",
            team="globex" if "outsider" in name else "",
            deactivated="deactivated" in name,
        )
        for name, role in ROLES.items()
        if role.user and role.user != "hal"
    ),
    channels=(
        ChannelSeed(
            name="checkout",
            members=tuple(one.user for one in ROLES.values() if one.user and one.user not in {"hal", "dee", "dan"}),
            shared_with=("globex",),
        ),
    ),
    usergroups=(),
)


def settings(ids: dict[str, str], folder: str, api_url: str, issuer: str, hashes: dict[str, str]) -> dict[str, Any]:
    """Return the configuration: `ids` are the Slack ids of people, `hashes` those of the tokens by their holder."""
    named = {role.user: ids[role.user] for role in ROLES.values() if role.user}
    return {
        "state_dir": folder,
        "server": {"public_url": "https://shipmate.example.org"},
        "slack": {
            "mode": "http",
            "bot_token": "xoxb-1-2-matrix",
            "signing_secret": "the-secret-of-the-matrix",
            "api_url": api_url,
            "aliases": ["where", "approve", "lock", "acknowledge", "rollback"],
            "reactions": {
                "eyes": "plan",
                "white_check_mark": "approve",
                "x": "cancel",
                "leftwards_arrow_with_hook": "revoke",
                "raised_hand": "acknowledge",
                "heavy_check_mark": "resolve",
                "alarm_clock": "alert",
            },
        },
        "people": {
            name: {
                "slack": ident,
                "emails": [f"{name}@acme.example"],
                "subject": f"subject-of-{name}",
            }
            for name, ident in named.items()
        },
        "permissions": _grants(),
        "identity": {
            "issuer": issuer,
            "client_id": "shipmate",
            "client_secret": "the-secret-of-the-client",
            "terminal_client_id": "shipmate-terminal",
        },
        "terminal": {"tokens": _tokens(hashes)},
        **_catalog(),
    }


def _grants() -> list[dict[str, Any]]:
    return [
        {
            "allow": list(role.may),
            "to": [f"account:{role.account}" if role.account else role.user],
            "services": ["*"] if role.everywhere else [MINE],
        }
        for role in ROLES.values()
        if role.may
    ]


def _tokens(hashes: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"of-{role.account or role.user}",
            **({"account": role.account} if role.account else {"person": role.user}),
            "secret_hash": hashes[role.account or role.user],
            **({"allow": list(role.token_for)} if role.token_for else {}),
        }
        for role in ROLES.values()
    ]


def _catalog() -> dict[str, Any]:
    layers = [{"people": ["tom", "mia"], "from": "2026-01-05", "every": "1d"}]
    on_call = {MINE: "primary", THEIRS: "secondary"}
    return {
        "environments": {"staging": {}, "production": {"production_like": True}},
        "oncall": {"schedules": {name: {"layers": layers} for name in on_call.values()}},
        "services": {
            name: {
                "repository": {"with": "local", "project": "x"},
                "oncall": schedule,
                "environments": [{"name": where, "deploy": JOB} for where in ("staging", "production")],
            }
            for name, schedule in on_call.items()
        },
    }


def expected(role: Role, permission: str, about: str, *, reads: bool) -> str:
    """Return what somebody is answered when they ask for what needs `permission`: "" where it is done.

    `about` is a service, "everything", or "anything" for what they may see of whatever service; `reads` tells whether
    it is a read, which a narrowed token may do where everybody may.
    """
    if role.refused:
        return role.refused
    open_to_all = permission == "open"
    if role.token_for and not (reads if open_to_all else _held(permission, role.token_for)):
        return "token_scope"
    if open_to_all:
        return ""
    here = role.everywhere or about in {MINE, "anything"}
    return "" if here and _held(permission, role.may) else "not_allowed"


def _held(permission: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in patterns)
