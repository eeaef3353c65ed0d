"""The registry: what is declared, what third parties add, and that nothing heavy is imported for it."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from integrations.contract import Integration
from integrations.registry import GROUP, INTEGRATIONS, PluginError, declared


@pytest.mark.parametrize("name", INTEGRATIONS)
def test_a_declaration_keeps_its_word(name):
    integration = declared()[name]
    assert integration.name == name
    folder = Path(__file__).parents[2] / "integrations" / name
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(f"# {integration.title}")
    assert issubclass(integration.settings, BaseModel)
    module, _, factory = integration.connect.partition(":")
    assert callable(getattr(import_module(module), factory))
    assert integration.provides


def test_ours_are_declared_by_name():
    folders = {path.parent.name for path in (Path(__file__).parents[2] / "integrations").glob("*/README.md")}
    assert list(declared()) == sorted(INTEGRATIONS)
    assert set(INTEGRATIONS) == folders


def test_nothing_heavy_is_imported():
    program = (
        "import sys, integrations.registry; list(integrations.registry.declared().values()); "
        "heavy = ('requests', 'prometheus_api_client', 'numpy', 'pandas', 'matplotlib', 'jenkinsapi', 'gitlab'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_tool_that_nobody_asks_for_is_not_imported():
    program = (
        "import sys, integrations.registry; integrations.registry.declared()['local']; "
        "print([n for n in integrations.registry.INTEGRATIONS if f'integrations.{n}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['local']\n"


class OtherSettings(BaseModel):
    """Settings of a third party's tool."""


def declaration(name: str) -> Integration:
    return Integration(name=name, title=name, settings=OtherSettings, provides=(), connect="x:y")


OTHER = declaration("other")
TAKEN = declaration("local")
NONE = "not an integration"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Return what installs a distribution with one entry point of the group."""

    def install(name: str, value: str) -> None:
        folder = tmp_path / "acme_tool-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tool\nVersion: 1.2\n", encoding="utf-8")
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value}\n", encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))

    return install


def test_a_third_party_adds_an_integration(plugin):
    plugin("other", f"{__name__}:OTHER")
    assert declared()["other"] is OTHER


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("other", "acme.no_such_module:X", "cannot be imported"),
        ("other", f"{__name__}:MISSING", "cannot be imported"),
        ("other", f"{__name__}:NONE", "is a str"),
        ("another", f"{__name__}:OTHER", "must be equal"),
        ("local", f"{__name__}:TAKEN", "in use"),
    ],
)
def test_a_bad_plugin_is_named_with_its_distribution(plugin, name, value, words):
    plugin(name, value)
    with pytest.raises(PluginError, match=words) as raised:
        declared()
    assert "acme-tool 1.2" in str(raised.value)
