"""A part of the settings that nobody wrote down is made without its validator, and is what the validator would make."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from bot.settings import Settings
from bot.settings.values import Model


def parts(of: type[Model] = Model) -> Iterator[type[Model]]:
    for one in of.__subclasses__():
        if one.__module__.startswith("bot.settings"):
            yield one
            yield from parts(one)


@pytest.mark.parametrize("part", sorted({one for one in parts() if one is not Settings}, key=str), ids=str)
def test_what_is_made_of_defaults_alone_is_valid(part):
    try:
        validated = part()
    except ValidationError:
        return  # it has no default: somebody has to write it down
    made = part.model_construct()
    assert made == validated
    assert made.model_fields_set == validated.model_fields_set
