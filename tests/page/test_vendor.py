"""What the page takes from npm: the locked versions, the files as they were built, and no address in the lock."""

import hashlib
import json

from tests.architecture.tree import ROOT, files

PAGE = "bot/sandbox/page"
LOCK = json.loads((ROOT / "tools/page/package-lock.json").read_text(encoding="utf-8"))
CONTENTS = json.loads((ROOT / PAGE / "vendor/contents.json").read_text(encoding="utf-8"))


def test_what_is_built_is_what_is_locked():
    locked = {
        path.removeprefix("node_modules/"): {"version": entry["version"], "integrity": entry["integrity"]}
        for path, entry in LOCK["packages"].items()
        if path
    }
    assert CONTENTS["packages"] == locked, "make page"
    assert not [path for path, entry in LOCK["packages"].items() if "resolved" in entry]


def test_no_built_file_was_changed_by_hand():
    sums = {path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest() for path in CONTENTS["files"]}
    assert sums == CONTENTS["files"], "make page"
    built = {path for path in files() if "/vendor/" in path and path.startswith((PAGE, "tests/page"))}
    assert built == {*CONTENTS["files"], f"{PAGE}/vendor/contents.json"}


def test_every_licence_is_there():
    licences = (ROOT / PAGE / "vendor/LICENSES.txt").read_text(encoding="utf-8")
    for path, entry in LOCK["packages"].items():
        if path and not entry.get("dev"):
            assert f"{path.removeprefix('node_modules/')} {entry['version']}" in licences


def test_the_page_loads_all_of_its_modules_at_once():
    """A module that is not named in the head is fetched only after the one that imports it."""
    head = (ROOT / PAGE / "index.html").read_text(encoding="utf-8")
    modules = {path.removeprefix(f"{PAGE}/") for path in files() if path.startswith(PAGE) and path.endswith(".js")}
    later = {module for module in modules if module.startswith("vendor/emoji-picker/")}
    named = {line.split('"')[3].removeprefix("/page/") for line in head.splitlines() if "modulepreload" in line}
    assert named == modules - later
