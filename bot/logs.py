"""The log: one JSON object a line, or text for people; what is bound to the context stands in every line.

Secrets never reach it: the values that the configuration resolved are replaced wherever they occur, and so is
what looks like a token of Slack, a bearer token or a password in a URL.
"""

import logging
import re
import sys
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog
from pydantic import BaseModel, SecretStr

from bot.clock import Clock

MASK = "***"
_SHORTEST_SECRET = 6
_SHORTEST_IN_PATH = 16  # the id of a webhook or of a switch is in an address's path; shorter parts are words
_TOKENS = re.compile(
    r"xox[a-z](?:\.[a-z]+)?-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
_DEEPEST = 12


class Masker:
    """Replaces known secrets, and what looks like one, in any value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.replace(secrets)

    def replace(self, secrets: Iterable[str]) -> None:
        """Mask these from now on, in place of the ones before; very short ones are left out, they are words."""
        known = sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _TOKENS.sub(MASK, text)

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - anything that is logged
        """Return a copy of plain values without secrets; other objects become their masked text."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth < _DEEPEST:
            if isinstance(value, Mapping):
                return {self.text(str(key)): self.value(one, depth + 1) for key, one in value.items()}
            if isinstance(value, list | tuple | set | frozenset):
                return [self.value(one, depth + 1) for one in value]
        return self.text(repr(value))

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Mask one event: a processor of structlog."""
        return {key: value if key.startswith("_") else self.value(value) for key, value in event.items()}


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """Yield every secret value that stands in settings, those of the tools included."""
    yield from _secrets(dict(settings))


def _secrets(value: Any) -> Iterator[str]:  # noqa: ANN401 - any settings
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        yield secret
        if "://" in secret:
            address = urllib.parse.urlsplit(secret)
            yield from (part for part in address.path.split("/") if len(part) >= _SHORTEST_IN_PATH)
            if address.password:
                yield address.password
                yield urllib.parse.unquote(address.password)
    elif isinstance(value, BaseModel):
        yield from _secrets(dict(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _secrets(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _secrets(one)
    elif isinstance(getattr(value, "settings", None), BaseModel):  # an instance of a tool
        yield from _secrets(value.settings)


def configure(
    *,
    clock: Clock,
    form: Literal["json", "console"] = "json",
    level: str = "info",
    masker: Masker | None = None,
    stream: TextIO | None = None,
) -> None:
    """Set the log up for the process: structlog's events and the standard library's records, in one form.

    Lines go to `stream`, standard error by default. Values bound with `structlog.contextvars` stand in each line.
    """

    def stamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("timestamp", clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        stamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        masker or Masker(),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, structlog.stdlib.ProcessorFormatter)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
