"""MetricsSource: the fake and a real Prometheus keep the same contract."""

import math

import pytest

from integrations.contract import Resources
from integrations.prometheus.client import connect
from integrations.prometheus.settings import PrometheusSettings
from tests.fakes.metrics import Answer, FakeMetrics
from tests.integrations.contract.metrics import INFINITE, LABELLED, NOT_A_NUMBER, MetricsSourceContract


@pytest.fixture(scope="module")
def url(prometheus_server):
    return prometheus_server({}).url


class TestFakeMetrics(MetricsSourceContract):
    @pytest.fixture
    def source(self):
        fake = FakeMetrics()
        fake.answers = {
            LABELLED: [Answer(value=0.25, labels={"route": "/pay"})],
            NOT_A_NUMBER: [Answer(value=math.nan)],
            INFINITE: [Answer(value=math.inf)],
        }
        fake.wrong = {"rate(x[5m)"}
        return fake


class TestPrometheus(MetricsSourceContract):
    @pytest.fixture
    async def source(self, url, tmp_path):
        adapter = await connect("prom", PrometheusSettings(url=url), Resources(state_dir=str(tmp_path)))
        yield adapter
        await adapter.close()
