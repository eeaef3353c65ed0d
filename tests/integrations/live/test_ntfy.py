"""A real ntfy server keeps the contract of Pager; with none named, only the stand-in does (..pagers)."""

import json
import os
import uuid

import aiohttp
import pytest

from integrations.capabilities.paging import Way
from integrations.contract import Resources
from integrations.ntfy.client import connect
from integrations.ntfy.settings import NtfySettings
from tests.integrations.contract.paging import PagingContract, Target
from tests.integrations.live.targets import target as named

if not os.environ.get("NTFY_URL"):
    pytest.skip("needs NTFY_URL and NTFY_TOKEN: a server from 2.16 on", allow_module_level=True)


class TestNtfy(PagingContract):
    @pytest.fixture
    async def target(self, tmp_path):
        topic = f"shipmate-{uuid.uuid4().hex[:20]}"
        with named("ntfy") as place:
            settings = NtfySettings.model_validate({"url": place.url, "token": place.token})
            pager = await connect("ntfy", settings, Resources(state_dir=str(tmp_path)))

            async def arrived() -> list[str]:
                headers = {"Authorization": f"Bearer {place.token}"}
                address = f"{place.url}/{topic}/json?poll=1&since=all"
                async with aiohttp.ClientSession(headers=headers) as http, http.get(address) as answer:
                    assert answer.status == 200, await answer.text()
                    told = [json.loads(line) for line in (await answer.text()).splitlines()]
                shown = {one.get("sequence_id", one["id"]): one for one in told if one["event"] == "message"}
                return [f"{one['title']}\n{one['message']}" for one in shown.values()]

            yield Target(
                pager=pager,
                way=Way.PUSH,
                to=topic,
                wrong=("no topic of mine",),
                arrived=arrived,
                askable=True,
                dedups=True,
            )
            await pager.close()
