"""AlertSource and AlertSilencer: what fires in a monitoring system, and keeping it quiet for a while."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Matcher(Struct, frozen=True):
    """One condition on a label: `name="value"`, or with `!=`, `=~` (a regular expression, anchored), `!~`."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def __str__(self) -> str:
        """Return it as Alertmanager writes it: severity="critical"."""
        sign = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{sign[self.is_regex, self.is_equal]}"{value}"'


class Alert(Struct, frozen=True, kw_only=True):
    """One alert: one set of labels that fires since `starts_at`, or fired until `ends_at`.

    `fingerprint` is the source's name of the set of labels. `silenced_by` holds ids of silences; it and `inhibited`
    are known only where the source was asked, not from a notification.
    """

    fingerprint: str
    labels: Mapping[str, str]
    starts_at: datetime
    firing: bool = True
    ends_at: datetime | None = None
    annotations: Mapping[str, str]
    generator_url: str = ""
    silenced_by: tuple[str, ...] = ()
    inhibited: bool = False


class AlertGroup(Struct, frozen=True, kw_only=True):
    """What the source notifies of together. `labels` are those that all its alerts share and are grouped by.

    `key` is the source's own name of the group, where it tells one. `truncated` alerts were left out.
    """

    labels: Mapping[str, str]
    alerts: Sequence[Alert]
    receiver: str = ""
    key: str = ""
    url: str = ""
    truncated: int = 0


class Silence(Struct, frozen=True, kw_only=True):
    """A silence: what matches all its matchers makes no noise from `starts_at` until `ends_at`.

    `state` is "pending", "active" or "expired".
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    state: str = "active"


@runtime_checkable
class AlertSource(Protocol):
    """Tells what fires now."""

    async def alert_groups(self) -> Sequence[AlertGroup]:
        """Return the groups in which something fires now, silenced and inhibited alerts included.

        Raises:
            IntegrationError: it cannot be told, by kind.
        """
        ...

    async def running_since(self) -> datetime:
        """Return when the source began to run: it does not know what fired before until that is told again."""
        ...


@runtime_checkable
class AlertSilencer(Protocol):
    """Keeps alerts quiet for a while."""

    async def silences(self) -> Sequence[Silence]:
        """Return the silences that are in force or will be."""
        ...

    async def matching(self, matchers: Sequence[Matcher]) -> Sequence[Alert]:
        """Return the alerts firing now that a silence with these matchers would be about."""
        ...

    async def put_silence(self, silence: Silence) -> str:
        """Make a silence, or, where it has an id, change the one of that id; return the id it has now.

        The request is not repeated blindly: a silence made is found again by its `comment`.

        Raises:
            Refused: a matcher is wrong or the end lies in the past; the reason is the tool's own.
            OutcomeUnknown: it was sent and nothing came back.
        """
        ...

    async def end_silence(self, silence_id: str) -> None:
        """End a silence now; one that has ended is left as it is.

        Raises:
            NotFound: there never was one of this id.
        """
        ...
