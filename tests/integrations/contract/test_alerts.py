"""AlertSource and AlertSilencer: the fake and a real Alertmanager keep the same contract."""

from datetime import UTC, datetime

import aiohttp
import pytest

from integrations.alertmanager.client import connect
from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import Alert
from integrations.contract import Resources
from tests.fakes.alerts import FakeAlerts
from tests.integrations.contract.alerts import AlertsContract


@pytest.fixture(scope="module")
def url(alertmanager_server):
    return alertmanager_server().url


class TestFakeAlerts(AlertsContract):
    @pytest.fixture
    def source(self):
        return FakeAlerts()

    @pytest.fixture
    def fire(self, source):
        async def start(*labels):
            source.alerts = [
                Alert(fingerprint=f"f{number}", labels=one, annotations={}, starts_at=datetime.now(UTC))
                for number, one in enumerate(labels)
            ]

        return start


class TestAlertmanager(AlertsContract):
    @pytest.fixture
    async def source(self, url, tmp_path):
        settings = AlertmanagerSettings(url=url, receiver="bot")
        adapter = await connect("am", settings, Resources(state_dir=str(tmp_path)))
        yield adapter
        await adapter.close()

    @pytest.fixture
    async def fire(self, url):
        async def start(*labels):
            told = [{"labels": dict(one), "annotations": {"summary": "it broke"}} for one in labels]
            async with aiohttp.ClientSession() as http, http.post(f"{url}/api/v2/alerts", json=told) as answer:
                assert answer.ok, await answer.text()

        return start
