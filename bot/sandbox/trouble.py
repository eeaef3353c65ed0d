"""What the control API lets go wrong: faults, absence, sockets that end, deliveries that come again, rate limits."""

from typing import get_args

from bot.sandbox.control_request import Fields
from bot.sandbox.errors import ControlError, Json
from bot.sandbox.options import LimitMode
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform

_REASONS = ("warning", "refresh_requested", "link_disabled")


async def fault(platform: Platform, fields: Fields) -> Json:
    """Plan a fault, begin a `mix` by chance, or with `clear` forget all and give revoked tokens back."""
    if fields.flag("clear"):
        platform.faults.clear()
        for app_id, token in platform.faults.revoked:
            if (app := platform.apps.installed.get(app_id)) is not None:
                app.revoked.discard(token)
        platform.faults.revoked.clear()
        return {}
    if "mix" in fields.data:
        if others := sorted(set(fields.data) - {"mix"}):
            raise ControlError("invalid_field", f"{others[0]}: goes into mix, or into a request without mix")
        return {"mix": platform.faults.mix(fields.data["mix"]).wire()}
    return {"fault": platform.faults.plan(fields.data).wire()}


async def away(platform: Platform, fields: Fields) -> Json:
    """Leave for `seconds`, leave (`on: true`) or come back (`on: false`): no Web API, no sockets.

    `events` says what becomes of the events of that time: `late` (the default), or `lost`.
    """
    events = fields.text("events", "late")
    if events not in {"late", "lost"}:
        raise ControlError("invalid_field", f"events: {events!r} must be late or lost")
    seconds = fields.data.get("seconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0):
        raise ControlError("invalid_field", "seconds: must be a number above 0")
    if seconds is None and "on" not in fields.data:
        raise ControlError("missing_field", "on: is missing; pass on: true, on: false, or seconds")
    if seconds is None and not fields.flag("on"):
        platform.absence.come_back()
        return {"away": False, "dropped": 0}
    platform.absence.leave(None if seconds is None else float(seconds), loses_events=events == "lost")
    return {"away": True, "dropped": await platform.sockets.drop()}


async def limits(platform: Platform, fields: Fields) -> Json:
    """Switch the rate limits to `strict`, `relaxed` or `off`; what was counted is forgotten."""
    wanted = fields.text("mode")
    mode = next((mode for mode in get_args(LimitMode) if mode == wanted), None)
    if mode is None:
        raise ControlError("invalid_field", f"mode: {wanted!r} is none of {', '.join(get_args(LimitMode))}")
    platform.limits.switch(mode)
    return {"limits": mode}


async def disconnect(platform: Platform, fields: Fields) -> Json:
    """Ask apps to renew their Socket Mode connections (`reason`: `warning`, `refresh_requested`, `link_disabled`)."""
    reason = fields.text("reason", "refresh_requested")
    if reason not in _REASONS:
        raise ControlError("invalid_field", f"reason: {reason!r} is none of {', '.join(_REASONS)}")
    return {"disconnected": await platform.sockets.disconnect(reason, fields.optional("app_id"))}


async def drop(platform: Platform, fields: Fields) -> Json:  # noqa: ARG001 - the shape of an act
    """Cut all Socket Mode connections without a word."""
    return {"dropped": await platform.sockets.drop()}


async def redeliver(platform: Platform, fields: Fields) -> Outcome:
    """Send a past delivery again."""
    ident = fields.text("delivery_id")
    delivery = await platform.deliveries.redeliver(ident)
    if delivery is None:
        raise ControlError("delivery_not_found", f"delivery_id: {ident!r} is not known (any more)")
    ack = delivery.ack
    return Outcome([delivery], details={"ack": ack.wire() if ack else None, "elapsed_ms": ack.elapsed_ms if ack else 0})
