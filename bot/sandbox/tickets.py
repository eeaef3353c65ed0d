"""Short-lived permissions that travel inside payloads: trigger ids and response URLs."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from bot.sandbox.clock import Clock
from bot.sandbox.errors import SlackError
from bot.sandbox.ids import new_secret
from bot.sandbox.options import Options

_KEPT = 5000


@dataclass(slots=True)
class Trigger:
    """A `trigger_id`: opens one view for one person within three seconds."""

    id: str
    app_id: str
    user: str
    expires: float
    view_id: str = ""
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A `response_url`: up to five messages into one conversation within thirty minutes.

    `message_ts` is the message that `replace_original` and `delete_original` act on; empty for commands.
    """

    key: str
    app_id: str
    user: str
    channel: str
    thread_ts: str
    message_ts: str
    expires: float
    uses_left: int


class Tickets:
    """Gives out trigger ids and response URLs, and tells which are still good; the oldest ones are forgotten."""

    def __init__(self, clock: Clock, options: Options) -> None:
        """Start with none."""
        self._clock = clock
        self._options = options
        self._triggers: OrderedDict[str, Trigger] = OrderedDict()
        self._responses: OrderedDict[str, ResponseUrl] = OrderedDict()

    def trigger(self, app_id: str, user: str, view_id: str = "") -> str:
        """Return a new trigger id; `view_id` is the modal it comes from, onto which `views.push` may push."""
        ident = f"{secrets.randbelow(10**13) + 10**12}.{secrets.randbelow(10**12) + 10**11}.{new_secret(32)}"
        self._triggers[ident] = Trigger(ident, app_id, user, self._clock() + self._options.trigger_lifetime, view_id)
        _trim(self._triggers)
        return ident

    def exchange(self, ident: str, app_id: str) -> Trigger:
        """Use a trigger id up and return what it stands for.

        Raises `SlackError` `invalid_trigger_id`, `expired_trigger_id` or `exchanged_trigger_id`
        (https://docs.slack.dev/reference/methods/views.open).
        """
        trigger = self._triggers.get(ident)
        if trigger is None or trigger.app_id != app_id:
            raise SlackError("invalid_trigger_id")
        if trigger.is_used:
            raise SlackError("exchanged_trigger_id")
        if self._clock() > trigger.expires:
            raise SlackError("expired_trigger_id")
        trigger.is_used = True
        return trigger

    @property
    def responses(self) -> list[ResponseUrl]:
        """Return every response URL that is known, oldest first; set it to bring them back."""
        return list(self._responses.values())

    @responses.setter
    def responses(self, kept: list[ResponseUrl]) -> None:
        self._responses = OrderedDict((one.key, one) for one in kept)

    def response(self, app_id: str, user: str, channel: str, *, thread_ts: str = "", message_ts: str = "") -> str:
        """Return the key of a new response URL."""
        key = new_secret(24)
        self._responses[key] = ResponseUrl(
            key,
            app_id,
            user,
            channel,
            thread_ts,
            message_ts,
            self._clock() + self._options.response_url_lifetime,
            self._options.response_url_uses,
        )
        _trim(self._responses)
        return key

    def redeem(self, key: str, app_id: str) -> ResponseUrl:
        """Count one use of a response URL and return it.

        Raises `SlackError` with HTTP status 404 `expired_url` after thirty minutes or for one that never was, and
        `used_url` after five uses
        (https://docs.slack.dev/interactivity/handling-user-interaction#message_responses).
        """
        response = self._responses.get(key)
        if response is None or response.app_id != app_id or self._clock() > response.expires:
            raise SlackError("expired_url", status=404)
        if response.uses_left <= 0:
            raise SlackError("used_url", status=404)
        response.uses_left -= 1
        return response


def _trim(kept: "OrderedDict[str, Trigger] | OrderedDict[str, ResponseUrl]") -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)
