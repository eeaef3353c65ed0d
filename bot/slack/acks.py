"""Replies as the JSON of an acknowledgement, made once for those that are given again and again, such as help."""

import json
from collections import OrderedDict
from typing import Any

from bot.reply import Picture, Reply
from bot.slack.answers import content

_KEPT = 256


class Acks:
    """Makes acknowledgements of replies. The newest are kept: by identity, and by what they say; replies are frozen."""

    def __init__(self) -> None:
        self._made: OrderedDict[int, tuple[Reply, str]] = OrderedDict()
        self._said: OrderedDict[Reply, str] = OrderedDict()

    def of(self, reply: Reply) -> str | None:
        """Return the acknowledgement that shows this to who asked; None when it cannot be one.

        What is shared, or has a picture that is to be uploaded first, is sent after the acknowledgement.
        Source: https://docs.slack.dev/interactivity/implementing-slash-commands#responding_immediate_response
        """
        made = self._made.get(id(reply))
        if made is not None and made[0] is reply:
            return made[1]
        if reply.share or any(isinstance(part, Picture) for part in reply.parts):
            return None
        try:
            said = self._said.get(reply)
            if said is None:
                said = self._said[reply] = _written(reply)
                _bound(self._said)
        except TypeError:  # a button's arguments are a mapping, so what it says is no key
            said = _written(reply)
        self._made[id(reply)] = (reply, said)
        _bound(self._made)
        return said


def _bound(kept: "OrderedDict[Any, Any]") -> None:
    if len(kept) > _KEPT:
        kept.popitem(last=False)


def _written(reply: Reply) -> str:
    return json.dumps({"response_type": "ephemeral", **content(reply)})
