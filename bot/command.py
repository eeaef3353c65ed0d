"""The command contract: what a command declares, what its handler gets, and what it gives back.

A command is declared once; slash command, mention, button, reaction, terminal, help, usage, permission,
parsing, modal, audit and manifest follow from the declaration.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar, dataclass_transform

from msgspec import Struct, field

from bot.identity import Channel, Person
from bot.reply import Reply
from integrations.capabilities.runs import Parameter

T = TypeVar("T")


class Pairs(dict[str, str]):
    """The value of an argument that takes names with values, such as the parameters of a build.

    On a line each pair is `--param name=value`; a button carries them as one JSON object; in a modal each name that
    is known beforehand has an input of its own (`Arg.inputs`). Values may be secret, so audit entries and messages
    show the names alone.
    """


class Trigger(StrEnum):
    """How a command was invoked."""

    SLASH = "slash"
    MENTION = "mention"
    BUTTON = "button"
    MODAL = "modal"
    REACTION = "reaction"
    SHORTCUT = "shortcut"
    TERMINAL = "terminal"
    SCHEDULE = "schedule"
    PAGE = "page"  # a key pressed, or a reply to a page


class Effect(StrEnum):
    """What running a command does, which decides the road it takes.

    READ asks our own store and is answered in the acknowledgement. LOOKUP calls a tool: acknowledged first,
    answered after. CHANGE is stored before it is acknowledged, then run, once, even across a crash.
    """

    READ = "read"
    LOOKUP = "lookup"
    CHANGE = "change"


class Invocation(Struct, frozen=True, kw_only=True):
    """One wish as it arrived, whatever the trigger; plain data, so that it can be stored and run later.

    Either `text` (the words after the bot's name, to be parsed: "deploy checkout to staging") or `command` and
    `args` (from a button or modal) is set, or, while it is stored and a value among them may be secret, `sealed` in
    place of `text` and `args`. `ours` is false for people of another organisation. `via` says by what somebody was
    known in a terminal: "token:<name>", or "oidc:<issuer> <subject>"; and by which way they answered: "page:<way>".
    """

    delivery_id: str
    trigger: Trigger
    person: Person
    at: datetime
    person_name: str = ""
    text: str = ""
    command: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    sealed: str = ""
    channel: Channel | None = None
    channel_name: str = ""
    thread_ts: str = ""
    message_ts: str = ""
    response_url: str = ""
    trigger_id: str = ""
    subject: str = ""
    ours: bool = True
    guest: bool = False
    via: str = ""


class Resource(Struct, frozen=True):
    """What a permission is asked on; an empty field means all of them are touched or none is known."""

    service: str = ""
    environment: str = ""
    target: str = ""


class Option(Struct, frozen=True):
    """One choice of an argument: the value, and what people read if that differs.

    `about` is what it tells of; a menu shows it to whom that may be shown.
    """

    value: str
    label: str = ""
    detail: str = ""
    about: Resource | None = None


class World:
    """The composed parts of the running bot, by type: `call.use(Deployments)`. Filled by `bot.app` only."""

    def __init__(self, *parts: object) -> None:
        self._parts: dict[type, object] = {}
        for part in parts:
            self.add(part)

    def add(self, part: object, kind: type | None = None) -> None:
        """Register `part` under its own type, or under `kind`, a type it stands for."""
        self._parts[kind or type(part)] = part

    def use(self, kind: type[T]) -> T:
        """Return the part of this type.

        Raises:
            LookupError: the composition root added none; a mistake of ours, not of the user.
        """
        try:
            part = self._parts[kind]
        except KeyError:
            message = f"no {kind.__qualname__} was composed"
            raise LookupError(message) from None
        return part  # type: ignore[return-value]  # the registry is keyed by type


class Call(Struct, frozen=True):
    """What a handler gets: who asks, from where, how, and the parts of the bot it may use."""

    invocation: Invocation
    world: World
    now: datetime

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.invocation.person

    @property
    def channel(self) -> Channel | None:
        """Where it was asked; None in a terminal."""
        return self.invocation.channel

    @property
    def request_id(self) -> str:
        """The delivery's id: the same when the same wish is run again, so a handler never does it twice."""
        return self.invocation.delivery_id

    def use(self, kind: type[T]) -> T:
        """Return the part of the bot of this type (see `World.use`)."""
        return self.world.use(kind)


OptionSource = Callable[[Call, Mapping[str, str], str], Awaitable[Sequence[Option]]]
"""(call, the other arguments so far, what was typed of this one) -> choices, best first, at most 100."""


InputSource = Callable[[Call, Mapping[str, str]], Awaitable[Sequence[Parameter]]]
"""(call, the other arguments so far) -> the names that `Pairs` take, each with its kind, choices and default."""


MessagePart = Literal["", "title", "text"]
"""What of a message fills an argument in: nothing, its first line, or all of it, quoted."""


class Arg(Struct, frozen=True, kw_only=True):
    """What is said of one argument beyond its type; stands in `Annotated[...]`, made by `arg`.

    `word` is the keyword before the value ("to production"); `flag` makes it an option ("--reason x", or a
    bare "--dry-run" for a bool); `joined` is the character that joins it to the argument before ("@" in
    checkout@1.4.2, "/" in production/eu); `rest` takes all words that are left. `inputs` finds the names of `Pairs`.
    `message` says what of a message fills it in, where the command is asked for with one.
    """

    help: str
    options: OptionSource | None = None
    word: str = ""
    flag: str = ""
    joined: str = ""
    rest: bool = False
    multiline: bool = False
    inputs: InputSource | None = None
    message: MessagePart = ""


def arg(  # noqa: PLR0913 - one keyword per thing a declaration may say
    help: str,  # noqa: A002 - reads as the field calls it
    *,
    options: OptionSource | None = None,
    word: str = "",
    flag: str = "",
    joined: str = "",
    rest: bool = False,
    multiline: bool = False,
    inputs: InputSource | None = None,
    message: MessagePart = "",
) -> Arg:
    """Describe an argument; see `Arg`."""
    return Arg(
        help=help,
        options=options,
        word=word,
        flag=flag,
        joined=joined,
        rest=rest,
        multiline=multiline,
        inputs=inputs,
        message=message,
    )


Handler = Callable[[Call, Any], Awaitable[Reply]]
ResourceOf = Callable[[Call, Any], Awaitable[Resource]]


class Command(Struct, frozen=True, kw_only=True):
    """One declared command. `decides` marks those that a reaction or mention may only offer, not do."""

    name: str
    permission: str
    args: type[Any]
    handler: Handler
    summary: str
    effect: Effect
    examples: tuple[str, ...] = ()
    resource: ResourceOf | None = None
    decides: bool = False
    hidden: bool = False
    sensitive: bool = False


def _init(self: Any, **given: object) -> None:  # noqa: ANN401 - an instance of any argument class
    values = self.__dict__
    for slot in fields(self):
        if slot.name in given:
            values[slot.name] = given.pop(slot.name)
        elif slot.default_factory is not MISSING:
            values[slot.name] = slot.default_factory()
        elif slot.default is not MISSING:
            values[slot.name] = slot.default
        else:
            message = f"{type(self).__qualname__} needs {slot.name}"
            raise TypeError(message)
    if given:
        message = f"{type(self).__qualname__} has no {', '.join(given)}"
        raise TypeError(message)


def _repr(self: Any) -> str:  # noqa: ANN401
    shown = ", ".join(f"{slot.name}={getattr(self, slot.name)!r}" for slot in fields(self) if slot.repr)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> Any:  # noqa: ANN401 - NotImplemented, too
    if type(self) is not type(other):
        return NotImplemented
    return self.__dict__ == other.__dict__


def _hash(self: Any) -> int:  # noqa: ANN401
    return hash(tuple(self.__dict__.values()))


def _keep(self: Any, name: str, value: object = None) -> None:  # noqa: ANN401, ARG001
    message = f"{type(self).__qualname__}.{name} cannot be changed: make another by dataclasses.replace"
    raise FrozenInstanceError(message)


_SHARED = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _keep,
    "__delattr__": _keep,
}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def arguments(declared: type[T]) -> type[T]:
    """Make a class the arguments of a command: `dataclass(frozen=True, kw_only=True)`, quicker to declare.

    Its methods are those of every other such class, where `dataclass` has Python compile six for each: with some
    eighty commands a tenth of a start. A plain frozen dataclass does as well.
    """
    for name, method in _SHARED.items():
        setattr(declared, name, method)
    return dataclass(init=False, repr=False, eq=False, kw_only=True)(declared)


@arguments
class NoArgs:
    """For commands without arguments."""


def command(  # noqa: PLR0913 - one keyword per thing a declaration may say
    name: str,
    *,
    permission: str,
    args: type[Any] = NoArgs,
    effect: Effect,
    examples: tuple[str, ...] = (),
    resource: ResourceOf | None = None,
    decides: bool = False,
    hidden: bool = False,
    sensitive: bool = False,
) -> Callable[[Handler], Command]:
    """Declare a command; the handler's first docstring line becomes its summary in help.

    `permission` is required: nothing is allowed that was not declared. `resource` finds what the permission is
    asked on; without one it is read from the fields `service`, `environment` and `target` of the arguments.
    """

    def declare(handler: Handler) -> Command:
        summary = (handler.__doc__ or "").strip().split("\n", 1)[0]
        return Command(
            name=name,
            permission=permission,
            args=args,
            handler=handler,
            summary=summary,
            effect=effect,
            examples=examples,
            resource=resource,
            decides=decides,
            hidden=hidden,
            sensitive=sensitive,
        )

    return declare
