"""The contract of MetricsSource."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from integrations.capabilities.metrics import MetricsSource
from integrations.contract import Adapter
from integrations.errors import Refused

AT = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
LABELLED = 'label_replace(vector(0.25), "route", "/pay", "", "")'
NOT_A_NUMBER = "vector(0) / vector(0)"
INFINITE = "vector(1) / vector(0)"


class MetricsSourceContract:
    """Derive from it and override `source`, which knows the expressions above; `no_such_metric` has no series."""

    @pytest.fixture
    def source(self) -> MetricsSource:
        raise NotImplementedError

    async def test_is_an_adapter_that_answers(self, source):
        assert isinstance(source, Adapter)
        assert isinstance(source, MetricsSource)
        assert (await source.ping()).version

    async def test_a_scalar_is_one_sample_without_labels(self, source):
        (sample,) = await source.query("42.5", AT)
        assert (sample.value, sample.labels, sample.name, sample.at) == (42.5, {}, "", AT)

    async def test_without_a_moment_the_present_one_counts(self, source):
        (sample,) = await source.query("1")
        assert sample.at.tzinfo is not None

    async def test_a_vector_has_labels(self, source):
        (sample,) = await source.query(LABELLED, AT)
        assert (sample.value, sample.labels, sample.at) == (0.25, {"route": "/pay"}, AT)

    async def test_what_has_no_series_is_empty(self, source):
        assert list(await source.query("no_such_metric", AT)) == []
        assert list(await source.query_range("no_such_metric", AT, AT, timedelta(seconds=1))) == []

    async def test_values_that_are_no_number_or_infinite_come_as_they_are(self, source):
        assert math.isnan((await source.query(NOT_A_NUMBER, AT))[0].value)
        assert (await source.query(INFINITE, AT))[0].value == math.inf
        (series,) = await source.query_range(NOT_A_NUMBER, AT, AT, timedelta(seconds=1))
        assert math.isnan(series.points[0][1])

    @pytest.mark.parametrize("expression", ["sum(", "", "rate(x[5m)"])
    async def test_a_wrong_expression_is_refused_with_a_reason(self, source, expression):
        with pytest.raises(Refused) as refused:
            await source.query(expression, AT)
        assert refused.value.reason
        with pytest.raises(Refused):
            await source.query_range(expression, AT, AT, timedelta(seconds=1))

    async def test_a_range_has_a_point_every_step_from_start_to_end(self, source):
        step = timedelta(seconds=15)
        (series,) = await source.query_range(LABELLED, AT, AT + timedelta(minutes=1), step)
        assert series.labels == {"route": "/pay"}
        assert [(AT + step * number, 0.25) for number in range(5)] == list(series.points)

    @pytest.mark.parametrize(
        ("end", "step"), [(AT - timedelta(seconds=1), 1), (AT, 0), (AT, -1)], ids=["backwards", "none", "negative"]
    )
    async def test_a_range_that_is_none_is_refused(self, source, end, step):
        with pytest.raises(Refused):
            await source.query_range("1", AT, end, timedelta(seconds=step))
