"""Settings of how long things are kept that grow with the work done."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bot.settings.values import Duration, Model

_LEAST = timedelta(days=7)


def _long_enough(length: timedelta) -> timedelta:
    if length < _LEAST:
        raise PydanticCustomError("retention", "at least 7d was expected: what is younger may still be looked up")
    return length


Kept = Annotated[Duration, AfterValidator(_long_enough)]


class RetentionSettings(Model):
    """How long things are kept. Deployments, builds, releases, approvals and the audit log stay."""

    work: Kept = Field(timedelta(days=30), description="The steps of workflows that are over.")
    alerts: Kept = Field(timedelta(days=365), description="Alert groups that are over, with their pictures and notes.")
