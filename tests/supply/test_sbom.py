"""The list of what is shipped: whole, by CycloneDX's schema, the same for the same lock."""

import json
import re

import pytest

from tests.architecture.tree import text
from tests.supply.tool import tool

SBOM = tool("sbom")
LOCK = text("requirements.txt")


@pytest.fixture(scope="module")
def written():
    return SBOM.document(LOCK, "2026.11.0")  # it holds itself against the schema


def test_every_locked_package_stands_in_it_with_hashes_and_licence(written):
    parts = {(one["name"], one["version"]): one for one in json.loads(written)["components"]}
    locked = re.findall(r"^([\w.\-]+)==([^\s;\\]+)", LOCK, re.MULTILINE)
    assert set(parts) == set(locked)
    assert len(locked) > 50
    for one in parts.values():
        assert one["licenses"]
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
    hashes = {each["content"] for one in parts.values() for each in one["hashes"]}
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]{64})", LOCK))


def test_it_is_of_shipmate_which_needs_them_all(written):
    document = json.loads(written)
    assert document["metadata"]["component"]["name"] == "shipmate"
    needs = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert set(needs["shipmate"]) == {one["bom-ref"] for one in document["components"]}


def test_the_same_lock_gives_the_same_bytes(written):
    assert SBOM.document(LOCK, "2026.11.0") == written
    assert SBOM.document(LOCK, "2026.12.0") != written


def test_what_is_not_installed_or_tells_no_licence_is_named():
    missing = "no-such-package==1.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"
    with pytest.raises(LookupError, match="no-such-package"):
        SBOM.document(missing, "1")


def test_the_document_is_held_against_the_schema(monkeypatch):
    class Doubting:
        def __init__(self, _version):
            pass

        def validate_str(self, _document):
            return "a mistake"

    monkeypatch.setattr(SBOM, "JsonStrictValidator", Doubting)
    with pytest.raises(ValueError, match="a mistake"):
        SBOM.document("", "1")
