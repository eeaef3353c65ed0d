"""What can go wrong with a tool, told apart by what the caller does next.

IntegrationError
├── Unavailable          no answer, or a server error: try again later
│   └── RateLimited      the tool asks to wait `retry_after` seconds
├── NotAuthenticated     the credentials are wrong or expired: a person must renew them
├── NotPermitted         the credentials are good but may not do this
├── NotFound             the named thing does not exist (or is hidden from these credentials)
├── Refused              the tool understood and said no: show `reason`
├── BadReply             the answer cannot be understood: our bug, or not the tool we think; keeps an excerpt
└── OutcomeUnknown       sent, but no answer came: look up by request id, never send blindly again
"""


class IntegrationError(Exception):
    """Any failure of a tool. `instance` is the configured name of the adapter, such as `jenkins-eu`."""

    def __init__(self, instance: str, message: str) -> None:
        super().__init__(f"{instance}: {message}")
        self.instance = instance
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        """Let a checkpoint carry the error whole, keyword arguments included."""
        return _restore, (type(self), self.args, dict(self.__dict__))


class Unavailable(IntegrationError):
    """The tool does not answer, or answers with a server error. Retry."""


class RateLimited(Unavailable):
    """The tool asks to slow down. `retry_after` is in seconds."""

    def __init__(self, instance: str, message: str, *, retry_after: float) -> None:
        super().__init__(instance, message)
        self.retry_after = retry_after


class NotAuthenticated(IntegrationError):
    """The credentials are wrong, missing or expired."""


class NotPermitted(IntegrationError):
    """The credentials are good, but do not allow this."""


class NotFound(IntegrationError):
    """The named thing does not exist, or these credentials cannot see it."""


class Refused(IntegrationError):
    """The tool understood and said no. `reason` is in the tool's own words and is shown to people."""

    def __init__(self, instance: str, reason: str) -> None:
        super().__init__(instance, reason)
        self.reason = reason


class BadReply(IntegrationError):
    """The answer makes no sense to us. `excerpt` is its beginning, for the log."""

    def __init__(self, instance: str, message: str, *, excerpt: str = "") -> None:
        super().__init__(instance, message)
        self.excerpt = excerpt[:500]


class OutcomeUnknown(IntegrationError):
    """An effect was sent and no answer came. Look it up by `request_id` before anything is sent again."""

    def __init__(self, instance: str, message: str, *, request_id: str) -> None:
        super().__init__(instance, message)
        self.request_id = request_id


def _restore(kind: type[IntegrationError], args: tuple[object, ...], state: dict[str, object]) -> IntegrationError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
