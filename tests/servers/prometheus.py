"""Prometheus and Alertmanager of a test: real programs with their own configuration and data folder."""

import json
import shutil
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.servers.process import ServerProcess
from tests.servers.programs import program

ANSWER_DEADLINE = 30.0
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _get(url: str) -> bytes:
    with NO_PROXY.open(url, timeout=ANSWER_DEADLINE) as answer:
        body: bytes = answer.read()
        return body


class PrometheusServer:
    """A Prometheus that scrapes what it is told; the first time five seconds after its start, which is built in.

    Args:
        scrape: job name -> "host:port" targets, whose /metrics is read.
        interval: between two scrapes and two evaluations, as Prometheus writes durations.
        rules: content of a rule file ({"groups": [...]}), if any.
        alertmanager: base URL of the Alertmanager that alerts go to, if any.
    """

    def __init__(
        self,
        scrape: Mapping[str, Sequence[str]],
        *,
        interval: str = "200ms",
        rules: Mapping[str, Any] | None = None,
        alertmanager: str | None = None,
    ) -> None:
        self._program = program("prometheus")
        self._folder = Path(tempfile.mkdtemp(prefix="shipmate-prometheus-"))
        jobs = [{"job_name": job, "static_configs": [{"targets": [*found]}]} for job, found in scrape.items()]
        settings: dict[str, Any] = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "scrape_configs": jobs,
        }
        if rules:
            (self._folder / "rules.yml").write_text(yaml.safe_dump(dict(rules)), encoding="utf-8")
            settings["rule_files"] = [str(self._folder / "rules.yml")]
        if alertmanager:
            where = urllib.parse.urlsplit(alertmanager).netloc
            settings["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [where]}]}]}
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        try:
            self._process = self._start(None)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _start(self, port: int | None) -> ServerProcess:
        def command(port: int) -> list[str]:
            return [
                str(self._program),
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ]

        def ready(port: int) -> bool:
            return bool(_get(f"http://127.0.0.1:{port}/-/ready"))

        return ServerProcess.start(command, ready, log=self._folder / "log", port=port)

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self._process.port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query: [{"metric": {...}, "value": [time, text]}].

        https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
        """
        answer = _get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        result: list[dict[str, Any]] = json.loads(answer)["data"]["result"]
        return result

    def until(self, expression: str, deadline: float = 20.0) -> None:
        """Return when `expression` yields a sample. Blocks: in a coroutine, call it by asyncio.to_thread."""
        self._process.wait_until(lambda: bool(self.query(expression)), deadline)

    def stop(self) -> None:
        """End the process and keep its data: Prometheus is down."""
        self._process.stop()

    def restart(self) -> None:
        """Start it again, on the same port and data."""
        self._process.stop()
        self._process = self._start(self._process.port)

    def close(self) -> None:
        """Stop it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class AlertmanagerServer:
    """An Alertmanager with one receiver, or with a configuration of its own.

    Args:
        webhook: URL that gets the notifications, resolved ones too; without one they go nowhere.
        token: bearer token that it proves itself with there.
        configuration: its whole configuration, in place of that.
    """

    def __init__(self, webhook: str | None = None, *, token: str = "", configuration: str = "") -> None:
        binary = program("alertmanager")
        self._folder = Path(tempfile.mkdtemp(prefix="shipmate-alertmanager-"))
        receiver: dict[str, Any] = {"name": "bot"}
        if webhook:
            hook: dict[str, Any] = {"url": webhook, "send_resolved": True}
            if token:
                hook["http_config"] = {"authorization": {"type": "Bearer", "credentials": token}}
            receiver["webhook_configs"] = [hook]
        route = {
            "receiver": "bot",
            "group_by": ["alertname"],
            "group_wait": "100ms",
            "group_interval": "500ms",
            "repeat_interval": "1h",
        }
        settings = {"route": route, "receivers": [receiver]}
        wanted = configuration or yaml.safe_dump(settings)
        (self._folder / "alertmanager.yml").write_text(wanted, encoding="utf-8")

        def command(port: int) -> list[str]:
            return [
                str(binary),
                f"--config.file={self._folder / 'alertmanager.yml'}",
                f"--storage.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",  # alone, so that it neither waits for peers nor opens a second port
                "--log.level=warn",
            ]

        def ready(port: int) -> bool:
            return bool(_get(f"http://127.0.0.1:{port}/-/ready"))

        try:
            self._process = ServerProcess.start(command, ready, log=self._folder / "log")
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self._process.port}"

    def close(self) -> None:
        """Stop it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
