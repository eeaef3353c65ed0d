"""A picture made of a real Prometheus: its rule, its series, only the worst of them."""

from datetime import timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from bot.alerts import expressions
from integrations.capabilities.metrics import AlertRules
from integrations.contract import Resources
from integrations.prometheus.client import connect
from integrations.prometheus.settings import PrometheusSettings
from tests.alerts.rig import up
from tests.alerts.test_pictures import Easel, looked, posted

EVIL = 'a"b\\c$1'
RULES = {
    "groups": [
        {
            "name": "load",
            "rules": [
                {
                    "alert": "HighLoad",
                    "expr": "max by (service, environment, pod) (load) > 0.5",
                    "labels": {"severity": "critical", "told": "{{ $value }}"},
                },
                {"alert": "Other", "expr": "vector(1)"},
            ],
        }
    ]
}


async def answered(_: web.Request) -> web.Response:
    pods = [f"pod-{number}" for number in range(30)]
    told = [f'load{{service="checkout",environment="production",pod="{pod}"}} {n / 30}' for n, pod in enumerate(pods)]
    quoted = EVIL.replace("\\", "\\\\").replace('"', '\\"')
    told.append(f'load{{service="checkout",environment="production",pod="{quoted}"}} 2')
    told.append('load{service="cart",environment="production",pod="pod-1"} 9')
    return web.Response(text="\n".join(told) + "\n")


async def test_by_the_rule_of_its_name_the_worst_series_of_its_alerts_are_drawn(tmp_path, prometheus_server):
    app = web.Application()
    app.router.add_get("/metrics", answered)
    easel = Easel()
    async with TestServer(app) as target, up(tmp_path, charts=easel) as rig:
        url = prometheus_server({"load": [f"127.0.0.1:{target.port}"]}, rules=RULES).url
        adapter = await connect("metrics", PrometheusSettings(url=url), Resources(state_dir=str(tmp_path)))
        rig.toolbox.add(adapter)
        try:
            assert isinstance(adapter, AlertRules)
            (rule,) = await adapter.alert_rules("HighLoad")
            assert rule.labels == {"severity": "critical", "told": "{{ $value }}"}
            assert await adapter.alert_rules("None") == ()

            async def scraped() -> bool:
                return len(await adapter.query("load")) == 32

            async def why() -> str:
                return f"not scraped: {await adapter.query('up')}"

            await rig.until(scraped, why)
            pods = [*(f"pod-{number}" for number in range(16, 30)), EVIL]
            fired = [rig.alert(pod, alertname="HighLoad") for pod in pods]
            await rig.notify(*(replace(one, generator_url="") for one in fired))
            look = await looked(rig)
            assert look.problem == ""
            (chart,) = easel.drawn
            assert (chart.limit, chart.left_out) == (0.5, 10)
            assert {line.label for line in chart.lines} == {EVIL, "pod-29", "pod-28", "pod-27", "pod-26"}
            assert all(line.points for line in chart.lines)
            assert len(await posted(rig)) == 1
            chosen = [{"pod": EVIL, "service": "checkout", "environment": "production"}]
            (sample,) = await adapter.query(expressions.only("load", chosen))
            assert sample.value == 2
            now = rig.clock.now()
            assert await adapter.query_range(expressions.only("load", chosen), now, now, timedelta(seconds=1))
        finally:
            await adapter.close()
