"""How remote work is started once: found by its request id first, and looked up when no answer came."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from msgspec import Struct

from bot.clock import Clock
from bot.store.lease import still_ours
from integrations.capabilities.runs import RunRef, RunTracker
from integrations.errors import (
    BadReply,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused,
)

log = structlog.get_logger()

UNKNOWN = "outcome_unknown"
LOOK_UPS = 5


class Sent(Struct, frozen=True, kw_only=True):
    """What became of a start: the run's reference, or why nothing runs."""

    ref: str = ""
    code: str = ""
    words: str = ""


async def start_once(
    tracker: RunTracker,
    request_id: str,
    start: Callable[[], Awaitable[RunRef]],
    *,
    clock: Clock,
    job: str,
    since: datetime,
) -> Sent:
    """Find the run of this request id, or start it; a lost answer is looked up in `job`, never sent again.

    Raises:
        Unavailable: the tool does not answer; nothing was sent.
        LeaseLost: another replica may be at it; nothing was sent.
    """
    found = await tracker.find_run(request_id)
    if found is not None:
        return Sent(ref=str(found))
    still_ours()
    try:
        return Sent(ref=str(await start()))
    except (OutcomeUnknown, BadReply) as error:
        log.warning("start.outcome_unknown", request=request_id, error=str(error))
        found = await _look_up(lambda: tracker.find_run(request_id, job, since), clock)
        if found is not None:
            return Sent(ref=str(found))
        # It may still appear: sending again could do it twice, so a person decides.
        words = f"{error.instance} was asked and gave no answer, and nothing of it is to be found yet"
        return Sent(code=UNKNOWN, words=f"{words}; nothing was sent twice")
    except Refused as error:
        return Sent(code="tool_refused", words=error.reason)
    except (NotAuthenticated, NotPermitted, NotFound) as error:
        return Sent(code="tool_refused", words=str(error))


async def _look_up(find: Callable[[], Awaitable[RunRef | None]], clock: Clock) -> RunRef | None:
    pause = 0.5
    for _ in range(LOOK_UPS):
        found = await find()
        if found is not None:
            return found
        await clock.sleep(pause)
        pause *= 2
    return None
