"""What can go wrong: answers of Slack's Web API, answers of the control API, and faulty manifests or seeds."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A decoded JSON object."""


class SlackError(Exception):
    """Refuse a Web API call with one of Slack's error codes.

    Slack answers errors with HTTP 200, `ok: false` and a code
    (https://docs.slack.dev/apis/web-api/#evaluating-responses); only rate limits have a status of their own (429).
    """

    def __init__(
        self,
        code: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        messages: Sequence[str] = (),
        **extra: object,
    ) -> None:
        """Keep `code`, extra fields of the answer, and `messages` for `response_metadata.messages`."""
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = dict(headers or {})
        self.messages = tuple(messages)
        self.extra = extra

    def body(self) -> Json:
        """Return the JSON body of the answer."""
        body: Json = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


class ControlError(Exception):
    """Refuse a request to the control API: `code` for programs, `message` naming the field and what is known."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        """Keep the machine-readable code, the sentence for people and the HTTP status."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ManifestError(ValueError):
    """Refuse an app manifest; `problems` holds one `{message, pointer}` per mistake, as Slack's validation answers.

    Reference: https://docs.slack.dev/reference/methods/apps.manifest.validate
    """

    def __init__(self, problems: Sequence[Mapping[str, str]]) -> None:
        """Keep every problem; the exception's text lists them all."""
        self.problems = [dict(problem) for problem in problems]
        super().__init__("; ".join(f"{p['message']} [{p['pointer']}]" for p in self.problems))


class SeedError(ValueError):
    """Refuse a workspace description; the text names the field and what it may hold."""


class StateError(ValueError):
    """Refuse a file that is to hold a workspace; the text names the file, what is wrong, and the way out."""
