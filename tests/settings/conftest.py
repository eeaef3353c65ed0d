"""A folder with a configuration that is right, and a way to write one that is not."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.settings import Mistake, Settings, SettingsError, load

ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-1111111111-aaaaaaaaaa",
    "SLACK_APP_TOKEN": "xapp-2222222222-bbbbbbbbbb",
    "SHIPMATE_TOKEN_MIA": "c" * 32,
}
RIGHT = """\
slack: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${SLACK_APP_TOKEN}"}
people:
  mia: {slack: U01MIA, emails: [mia@example.org]}
  ana: {slack: U01ANA}
groups:
  developers: [mia]
  release-managers: {people: [ana]}
permissions:
  - {allow: [deployment.start], to: [developers], services: [checkout], environments: [staging]}
integrations:
  local: {type: local, root: repositories}
  prom: {type: prometheus, url: "http://127.0.0.1:9090"}
environments: {staging: {}, production: {production_like: true}}
services:
  checkout:
    repository: {with: local, project: checkout}
    environments:
      - name: staging
        aliases: [stage]
        deploy: {with: local, job: checkout/staging}
        targets: [eu, us]
      - name: production
        deploy: {with: local, job: checkout/production}
        promote_from: staging
        approvals: [{from: [release-managers]}]
"""

Load = Callable[..., Settings]
Mistakes = Callable[..., list[Mistake]]


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file beside the configuration."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def loaded(put: Callable[[str, str], Path]) -> Load:
    """Load a configuration, the right one by default."""

    def run(text: str = RIGHT, environ: Mapping[str, str] | None = None) -> Settings:
        return load(put("shipmate.yaml", text), ENVIRON if environ is None else environ)

    return run


@pytest.fixture
def mistakes(loaded: Load) -> Mistakes:
    """Load a configuration and return what is wrong with it."""

    def run(text: str, environ: Mapping[str, str] | None = None) -> list[Mistake]:
        try:
            loaded(text, environ)
        except SettingsError as error:
            return list(error.mistakes)
        return []

    return run
