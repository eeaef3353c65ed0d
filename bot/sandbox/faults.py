"""Faults on request: planned ones, one by one, and a mix of them by chance that can be repeated."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from bot.sandbox.errors import ControlError, Json

CallFault: TypeAlias = Literal[
    "ratelimited", "http_500", "http_503", "timeout", "slow", "drop", "lost_reply", "token_revoked"
]
"""What can happen to a Web API call.

`timeout` hangs and then answers 504, `slow` answers late, `drop` cuts the connection before the work and `lost_reply`
after it, so that the app cannot know; `token_revoked` revokes the token that the call carries.
"""

DeliveryFault: TypeAlias = Literal["duplicate", "reorder", "delay", "lose", "cut", "clock_skew"]
"""What can happen to a delivery.

`duplicate` sends it twice, `reorder` holds it until the next one has been sent, `delay` sends it late, `lose` never
sends it, `cut` ends the connection before the app can acknowledge, `clock_skew` signs it with a moved time stamp.
"""

CALL_FAULTS: tuple[CallFault, ...] = get_args(CallFault)
DELIVERY_FAULTS: tuple[DeliveryFault, ...] = get_args(DeliveryFault)

_SECONDS = {"timeout": 60.0, "slow": 2.0, "reorder": 2.0, "delay": 2.0, "clock_skew": -600.0}
_FIELDS = frozenset(("kind", "method", "delivery", "times", "retry_after", "seconds"))
_MIX_FIELDS = frozenset(("seed", "rate", "kinds", "method", "delivery", "retry_after", "seconds"))
_NOT_IN_A_MIX = frozenset(("token_revoked",))


@dataclass(slots=True)
class Fault:
    """One fault: `times` calls of the method, or deliveries of the name, in `target` (`*`: any) fail in this way.

    `seconds` is how long it takes, or by how much the clock is off; `retry_after` what a 429 tells.
    """

    kind: CallFault | DeliveryFault
    target: str = "*"
    times: int = 1
    retry_after: int = 1
    seconds: float = 0.0

    @property
    def is_of_delivery(self) -> bool:
        """Tell whether it happens to deliveries rather than to calls."""
        return self.kind in DELIVERY_FAULTS

    def wire(self) -> Json:
        """Return it as JSON for the control API."""
        name = "delivery" if self.is_of_delivery else "method"
        return {name: self.target, "kind": self.kind, "times": self.times}


@dataclass(frozen=True, slots=True)
class Mix:
    """Faults by chance: of the calls and deliveries it concerns, `rate` of them (0 to 1) meet one of `kinds`.

    What happens to the n-th call of a method depends on the seed, the method and n alone, so that a run can be
    repeated even where calls overtake each other.
    """

    seed: int
    rate: float
    kinds: tuple[CallFault | DeliveryFault, ...]
    method: str
    delivery: str
    retry_after: int
    seconds: float | None

    def draw(self, name: str, number: int, among: tuple[str, ...]) -> Fault | None:
        """Return what happens to the n-th (`number`) call or delivery of this name; None: nothing."""
        kinds = [kind for kind in self.kinds if kind in among]
        chance = random.Random(f"{self.seed}/{name}/{number}")  # noqa: S311 - to be repeated, not to be secret
        if not kinds or chance.random() >= self.rate:
            return None
        kind = chance.choice(kinds)
        seconds = _SECONDS.get(kind, 0.0) if self.seconds is None else self.seconds
        return Fault(kind, name, 1, self.retry_after, seconds)

    def wire(self) -> Json:
        """Return it as JSON for the control API."""
        return {
            "seed": self.seed,
            "rate": self.rate,
            "kinds": list(self.kinds),
            "method": self.method,
            "delivery": self.delivery,
        }


class Faults:
    """The faults that are still to happen; `revoked` are the (app id, token) pairs that a fault has revoked."""

    def __init__(self) -> None:
        """Start without faults."""
        self._planned: list[Fault] = []
        self._mix: Mix | None = None
        self._seen: Counter[str] = Counter()
        self.revoked: list[tuple[str, str]] = []

    def plan(self, data: Json) -> Fault:
        """Add the fault a control request describes; raises `ControlError` naming the field that is wrong."""
        _known(data, _FIELDS)
        kind = _kind(data.get("kind"), "kind")
        is_delivery = kind in DELIVERY_FAULTS
        other = "method" if is_delivery else "delivery"
        if other in data:
            which = "deliveries; name one with delivery" if is_delivery else "Web API calls; name one with method"
            raise ControlError("invalid_field", f"{other}: {kind} happens to {which}, or leave it out for any")
        fault = Fault(
            kind,
            _target(data, "delivery" if is_delivery else "method"),
            _whole(data, "times", 1, 1),
            _whole(data, "retry_after", 1, 0),
            _seconds(data, kind),
        )
        self._planned.append(fault)
        return fault

    def mix(self, data: object) -> Mix:
        """Begin a mix of faults by chance, in place of the one before; raises `ControlError` as `plan` does."""
        if not isinstance(data, dict):
            raise ControlError("invalid_mix", "mix: must be an object with seed, rate and kinds")
        _known(data, _MIX_FIELDS, "mix.")
        rate, kinds = data.get("rate", 0.05), data.get("kinds")
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ControlError("invalid_rate", f"mix.rate: {rate!r} must be a number from 0 to 1")
        if kinds is not None and (not isinstance(kinds, list) or not kinds):
            raise ControlError("invalid_kind", "mix.kinds: must be an array of kinds, or left out for all")
        chosen = tuple(_kind(kind, "mix.kinds") for kind in kinds or (*CALL_FAULTS, *DELIVERY_FAULTS))
        if kinds and (never := _NOT_IN_A_MIX.intersection(chosen)):
            raise ControlError("invalid_kind", f"mix.kinds: {min(never)} ends an app for good; plan it as a fault")
        self._mix = Mix(
            seed=_whole(data, "seed", 0, 0, "mix."),
            rate=float(rate),
            kinds=tuple(kind for kind in chosen if kind not in _NOT_IN_A_MIX),
            method=_target(data, "method", "mix."),
            delivery=_target(data, "delivery", "mix."),
            retry_after=_whole(data, "retry_after", 1, 0, "mix."),
            seconds=_seconds(data, "", "mix.") if "seconds" in data else None,
        )
        self._seen.clear()
        return self._mix

    def clear(self) -> None:
        """Forget what was planned, and the mix."""
        self._planned.clear()
        self._mix = None

    def for_call(self, method: str) -> Fault | None:
        """Use up and return what is to happen to this Web API call, if anything."""
        fault = self._next(CALL_FAULTS, method)
        mix = self._mix
        if fault is not None or mix is None or mix.method not in {"*", method}:
            return fault
        self._seen[method] += 1
        return mix.draw(method, self._seen[method], CALL_FAULTS)

    def for_delivery(self, kind: str, name: str) -> Fault | None:
        """Use up and return what is to happen to this delivery: its kind (`events_api` …) or its type names it."""
        fault = self._next(DELIVERY_FAULTS, kind, name)
        mix = self._mix
        if fault is not None or mix is None or mix.delivery not in {"*", kind, name}:
            return fault
        self._seen[f"{kind}/{name}"] += 1
        return mix.draw(f"{kind}/{name}", self._seen[f"{kind}/{name}"], DELIVERY_FAULTS)

    def _next(self, among: tuple[str, ...], *names: str) -> Fault | None:
        for fault in self._planned:
            if fault.kind in among and fault.target in {"*", *names}:
                fault.times -= 1
                if fault.times == 0:
                    self._planned.remove(fault)
                return fault
        return None

    def wire(self) -> Json:
        """Return what is planned and the mix as JSON for the control API."""
        return {"planned": [fault.wire() for fault in self._planned], "mix": self._mix.wire() if self._mix else None}


def _known(data: Json, fields: frozenset[str], where: str = "") -> None:
    if unknown := sorted(set(data) - fields):
        known = ", ".join(sorted(fields))
        raise ControlError("unknown_field", f"{where}{unknown[0]}: no such field; known are {known}")


def _kind(value: object, field: str) -> CallFault | DeliveryFault:
    for known in (*CALL_FAULTS, *DELIVERY_FAULTS):
        if known == value:
            return known
    raise ControlError("invalid_kind", f"{field}: {value!r} is none of {', '.join((*CALL_FAULTS, *DELIVERY_FAULTS))}")


def _target(data: Json, field: str, where: str = "") -> str:
    value = data.get(field, "*")
    if not isinstance(value, str) or not value:
        wanted = "a Web API method" if field == "method" else "a kind or type such as events_api, /ship, block_actions"
        raise ControlError(f"invalid_{field}", f"{where}{field}: must be {wanted}, or *")
    return value


def _whole(data: Json, field: str, default: int, least: int, where: str = "") -> int:
    value = data.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ControlError(f"invalid_{field}", f"{where}{field}: {value!r} must be a whole number from {least}")
    return value


def _seconds(data: Json, kind: str, where: str = "") -> float:
    value = data.get("seconds", _SECONDS.get(kind, 0.0))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (value < 0 and kind != "clock_skew"):
        raise ControlError("invalid_seconds", f"{where}seconds: {value!r} must be a number of seconds, not below 0")
    return float(value)
