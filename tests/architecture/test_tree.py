"""The tree speaks of the project alone: no path of somebody's machine, no address of a package index."""

import re

from tests.architecture.tree import ROOT, files, text

# Written in pieces, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(^|[^\w.])/(wor" + r"k|far" + r"m|tmp/(bash|brief)|home/\w+|Users/\w+)[/_]", re.MULTILINE
    ),
    "a home of root": re.compile(r"(^|[^\w.])/ro" + r"ot/"),
    "a package index": re.compile(
        r"--(extra-)?inde" + r"x-url|https?://[^ ]*/simpl" + r'e[/" ]|"resolve' + r'd": *"http'
    ),
    "a design that is not in the tree": re.compile(r"\bDESIG" + r"N\.md"),
    "a leftover of a merge": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
}
LARGEST = 1_000_000  # bytes; pictures of pages stay well below


def test_speaks_of_the_project_alone():
    found = [f"{path}: {what}" for path in files() for what, rule in FORBIDDEN.items() if rule.search(text(path))]
    assert not found


def test_files_are_small():
    assert not [path for path in files() if (ROOT / path).stat().st_size > LARGEST]
