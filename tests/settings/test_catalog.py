"""What the words people type mean; did you mean."""

import pytest
from hypothesis import given, strategies as st

from bot.catalog import Catalog, Place, fill
from bot.closest import closest, did_you_mean
from bot.errors import BadInput

from .conftest import RIGHT, Load


@pytest.fixture
def catalog(loaded: Load) -> Catalog:
    return Catalog(loaded(RIGHT))


def test_words_become_places(catalog: Catalog) -> None:
    assert catalog.place("checkout") == Place("checkout", "staging")
    assert catalog.place("Checkout", "STAGE", "EU") == Place("checkout", "staging", "eu")
    assert str(catalog.place("checkout", "production")) == "checkout/production"
    assert catalog.place("Checkout/production") == Place("checkout", "production")
    assert catalog.place("checkout/stage/EU") == Place("checkout", "staging", "eu")
    assert [str(place) for place in catalog.places()] == [
        "checkout/staging/eu",
        "checkout/staging/us",
        "checkout/production",
    ]
    production = catalog.environment(Place("checkout", "production"))
    assert (production.production_like, production.promote_from) == (True, "staging")
    assert [(rule.count, rule.groups) for rule in production.approvals] == [(1, ("release-managers",))]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("chekout",), "unknown_service", "Did you mean checkout?"),
        (("zebra",), "unknown_service", "Known: checkout."),
        (("checkout", "prodution"), "unknown_environment", "Did you mean production?"),
        (("checkout", "prod"), "unknown_environment", "Did you mean production?"),
        (("checkout", "stge"), "unknown_environment", "Did you mean staging?"),
        (("checkout", "moon"), "unknown_environment", "Known: staging, production."),
        (("checkout", "staging", "ue"), "unknown_target", '"ue" is no target of checkout/staging.'),
        (("checkout", "production", "eu"), "unknown_target", "It has none"),
        (("checkout/prod",), "unknown_environment", "Did you mean production?"),
        (("checkout/staging/eu/1",), "unknown_target", '"eu/1" is no target'),
    ],
)
def test_words_that_mean_nothing_say_what_was_probably_meant(
    catalog: Catalog, words: tuple[str, ...], code: str, text: str
) -> None:
    with pytest.raises(BadInput) as caught:
        catalog.place(*words)
    assert caught.value.code == code
    assert text in str(caught.value)


@given(st.text(max_size=4000))
def test_any_text_is_refused_plainly(word: str) -> None:
    assert closest(word, ["staging", "production"]) in {None, "staging", "production"}
    assert isinstance(did_you_mean(word, ["a", "b"]), str)


def test_places_round_trip() -> None:
    for place in (Place("a", "b"), Place("a", "b", "c")):
        assert Place.parse(str(place)) == place
    for text in ("a", "a/", "a/b/c/d", ""):
        with pytest.raises(ValueError, match="no place"):
            Place.parse(text)


def test_only_known_words_are_filled_in() -> None:
    query = 'sum(rate(x{service="{service}",env="{environment}"}[1m])) # {other} {version}'
    filled = fill(query, Place("checkout", "staging"), version="1.4.2")
    assert filled == 'sum(rate(x{service="checkout",env="staging"}[1m])) # {other} 1.4.2'
