"""Conditions on the labels of alerts, as the configuration writes them."""

from pydantic_core import PydanticCustomError


def conditions(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return conditions such as `severity="critical"` as they are, once each of them can be read.

    Raises:
        PydanticCustomError: one is none; says what is wrong with it.
    """
    from integrations.capabilities.matchers import read  # noqa: PLC0415 - costs only where there are some

    for one in value:
        try:
            read(one)
        except ValueError as error:
            raise PydanticCustomError("matcher", "{problem}", {"problem": str(error)}) from None
    return value
