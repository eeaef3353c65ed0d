"""`Settings`: everything that can be configured, as frozen values."""

import base64
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    SkipValidation,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from bot.settings.alerts import AlertSettings
from bot.settings.freezes import FreezeSettings
from bot.settings.identity import IdentitySettings
from bot.settings.oncall import OnCallSettings
from bot.settings.paging import PagingSettings
from bot.settings.policy import PolicySettings
from bot.settings.record import AuditSettings
from bot.settings.retention import RetentionSettings
from bot.settings.services import ServiceSettings, Word
from bot.settings.tokens import NO_SECRET, PermissionPattern, Terminal
from bot.settings.values import CommandName, Duration, Emoji, MayBePlain, Model, Name

_KEY_BYTES = 32


class Server(Model):
    """The HTTP server: health, metrics, webhooks, Slack's HTTP mode and the terminal's door."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field(
        "", pattern=r"^(https?://.*)?$", description="The address others reach it under, for webhooks and links."
    )


class Slack(Model):
    """How Shipmate reaches Slack, and what it listens to."""

    mode: Literal["socket", "http"] = Field(
        "socket", description="socket needs no public address; http is called by Slack."
    )
    bot_token: SecretStr = Field(NO_SECRET, description="Token of the bot, xoxb-….")
    app_token: SecretStr = Field(NO_SECRET, description="App-level token for mode socket, xapp-….")
    signing_secret: SecretStr = Field(NO_SECRET, description="Signing secret for mode http.")
    api_url: str = Field("https://slack.com/api/", pattern=r"^https?://.*/$", description="Slack's Web API.")
    aliases: tuple[Name, ...] = Field((), description="Slash commands besides /shipmate and /deploy.")
    prefix: str = Field("", pattern=r"^[a-z0-9_-]{0,20}$", description="Stands before the names of slash commands.")
    reactions: dict[Emoji, CommandName] = Field(
        default_factory=lambda: {
            "white_check_mark": "approve",
            "x": "reject",
            "eyes": "where",
            "pushpin": "issue create",
            "raised_hand": "acknowledge",
            "memo": "note",
        },
        description="Which reaction means which command.",
    )
    shared_channels: tuple[str, ...] = Field(
        (), description="Ids of channels shared with other organisations where Shipmate may post."
    )
    unfurl: tuple[Annotated[str, Field(pattern=r"^([a-z0-9-]+\.)+[a-z0-9-]+$|^localhost$")], ...] = Field(
        (), max_length=5, description="Domains of connected tools whose links are shown below messages."
    )
    announce: str = Field("", description="Channel of services that name none, by name or id.")
    gather: Duration = Field(
        timedelta(minutes=2),
        description="What approvals somebody is asked for so soon after a direct message are gathered into one.",
    )


class PersonEntry(Model):
    """One person, and under which names other systems know them."""

    slack: str = Field(
        "",
        pattern=r"^(([EO][A-Z0-9]+/)?T[A-Z0-9]+/)?[UW][A-Z0-9]+$|^$",
        description="Slack user id: U01MIA in our workspace, T0OTHER/U01MIA in another.",
    )
    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(
        (), description="Addresses they write commits under."
    )
    title: str = Field("", description="The name people read where Slack is not at hand.")
    accounts: dict[Name, Word] = Field(
        {}, description="Their user name in a tool, by the integration's name: gitlab: tom.k."
    )
    subject: str = Field("", description="Their subject at the identity provider; then no other is theirs.")


def _group(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    return {"people": value} if isinstance(value, list | tuple) else value


class GroupSettings(Model):
    """A group: people by name or Slack id, a Slack user group, or both."""

    people: tuple[Word, ...] = Field((), description="Names from `people`, or Slack user ids.")
    usergroup: str = Field("", pattern=r"^(S[A-Z0-9]+)?$", description="Id of a Slack user group.")
    claim: str = Field("", description="Name of the group in the ID token of the identity provider.")
    delegable: bool = Field(
        default=True, description="Whether its people may let others approve in their place while they are away."
    )
    on_call: str = Field("", description="A schedule: of its people only those belong who are on call there now.")


class GrantSettings(Model):
    """One grant: who may do what, where. What no grant allows is refused."""

    allow: tuple[PermissionPattern, ...] = Field(
        min_length=1, description='Permissions, such as deployment.start, deployment.*, "*.read" or "*".'
    )
    to: tuple[Word, ...] = Field(
        min_length=1, description="Groups, people by name, or account:<name>; everyone is all of our own team."
    )
    services: tuple[Word, ...] = Field(("*",), min_length=1, description="Services it holds for.")
    environments: tuple[Word, ...] = Field(("*",), min_length=1, description="Environments it holds for.")
    targets: tuple[Word, ...] = Field(("*",), min_length=1, description="Targets it holds for.")


def _fernet_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    with contextlib.suppress(ValueError):
        if len(base64.b64decode(text, altchars=b"-_", validate=True)) == _KEY_BYTES:
            return key
    raise PydanticCustomError("key", "an encryption key is 32 random bytes in URL-safe base64, 44 characters")


class Network(Model):
    """How tools are reached."""

    proxy: str = Field("", pattern=r"^(https?://.*)?$", description="HTTP proxy for all tools.")
    ca_file: str = Field("", description="PEM file of certificate authorities to trust besides the public ones.")


def _web_address(value: SecretStr) -> SecretStr:
    if value.get_secret_value() and not value.get_secret_value().startswith(("https://", "http://")):
        raise PydanticCustomError("url", "the address begins with https:// or http://")
    return value


def _beat(length: timedelta) -> timedelta:
    if length < timedelta(seconds=10):
        raise PydanticCustomError("every", "a heartbeat comes every 10s at most")
    return length


class HeartbeatSettings(Model):
    """Who outside is told that Shipmate works, so that somebody is called when it does not."""

    url: Annotated[SecretStr, MayBePlain(), AfterValidator(_web_address)] = Field(
        NO_SECRET, description="Address of a dead man's switch, such as https://hc-ping.com/…; empty tells nobody."
    )
    every: Annotated[Duration, AfterValidator(_beat)] = Field(timedelta(minutes=1), description="How often it is told.")
    method: Literal["GET", "POST"] = Field("GET", description="The HTTP method that it wants.")


class Logs(Model):
    """How Shipmate writes its log."""

    format: Literal["json", "console"] = Field("json", description="One JSON object a line, or text for people.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is written.")


class EnvironmentKind(Model):
    """What is true of an environment whatever the service."""

    production_like: bool = Field(default=False, description="Whether real users depend on it.")


@dataclass(frozen=True, slots=True)
class Instance:
    """One configured instance of a tool: its type, and its settings as the tool's own model."""

    type: str
    settings: BaseModel


_Group = Annotated[GroupSettings, BeforeValidator(_group)]
_Instances = Annotated[
    Mapping[str, Instance],
    SkipValidation,  # each was validated by its tool's own model
    WithJsonSchema({"type": "object"}),  # json_schema() writes what the tools expect
]


def _database(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if text and not text.startswith(("postgresql://", "postgres://", "sqlite:///")):
        raise PydanticCustomError("database", "postgresql://user:${PW}@host/name or sqlite:///path was expected")
    return url


class Settings(Model):
    """The whole configuration, frozen. `folder` is where its file stands; relative paths start there."""

    folder: SkipJsonSchema[Path] = Field(Path(), exclude=True)
    state_dir: Path = Field(Path("state"), description="Folder for SQLite files and what local runs leave.")
    database: Annotated[SecretStr, MayBePlain(), AfterValidator(_database)] = Field(
        NO_SECRET, description="postgresql://user:${PW}@host/name; empty means SQLite in state_dir."
    )
    include: tuple[Word, ...] = Field((), description="Files of services, by pattern, beside this file.")
    server: Server = Field(default_factory=Server.model_construct, description="The HTTP server.")
    slack: Slack = Field(default_factory=Slack.model_construct, description="How Shipmate reaches Slack.")
    people: dict[Name, PersonEntry] = Field({}, description="People, by a name of your choice.")
    groups: dict[Name, _Group] = Field({}, description="Groups of people.")
    permissions: tuple[GrantSettings, ...] = Field((), description="Who may do what. The default is nothing.")
    terminal: Terminal = Field(default_factory=Terminal.model_construct, description="Who may use `shipmate do`.")
    encryption_keys: tuple[Annotated[SecretStr, AfterValidator(_fernet_key)], ...] = Field(
        (), description="What seals the rights that people lend: the first encrypts, all of them decrypt."
    )
    audit: AuditSettings = Field(
        default_factory=AuditSettings.model_construct, description="Where the audit log is sent and signed."
    )
    identity: IdentitySettings = Field(
        default_factory=IdentitySettings.model_construct, description="Where people sign in."
    )
    network: Network = Field(default_factory=Network.model_construct, description="How tools are reached.")
    heartbeat: HeartbeatSettings = Field(
        default_factory=HeartbeatSettings.model_construct, description="Who is told that we live."
    )
    logs: Logs = Field(default_factory=Logs.model_construct, description="How Shipmate writes its log.")
    retention: RetentionSettings = Field(
        default_factory=RetentionSettings.model_construct, description="How long things are kept."
    )
    integrations: _Instances = Field({}, description="The tools, by a name of your choice.")
    environments: dict[Name, EnvironmentKind] = Field({}, description="The environments there are.")
    freezes: tuple[FreezeSettings, ...] = Field((), description="Windows in which environments take no deployments.")
    policy: PolicySettings = Field(
        default_factory=PolicySettings.model_construct, description="Change classes and break-glass."
    )
    alerts: AlertSettings = Field(default_factory=AlertSettings.model_construct, description="What becomes of alerts.")
    oncall: OnCallSettings = Field(default_factory=OnCallSettings.model_construct, description="Who is on call.")
    paging: PagingSettings = Field(
        default_factory=PagingSettings.model_construct, description="Who is woken when something fires."
    )
    services: dict[Name, ServiceSettings] = Field({}, description="The services there are.")

    @property
    def database_url(self) -> str:
        """Where the store is; holds a password, perhaps: never to be logged."""
        return self.database.get_secret_value() or f"sqlite:///{self.state_dir / 'shipmate.db'}"

    @property
    def on_sqlite(self) -> bool:
        """Whether the store is a file."""
        return self.database_url.startswith("sqlite")
