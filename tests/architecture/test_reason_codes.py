"""Every reason code that people can meet is explained in docs/reason-codes.md, and nothing else is."""

import re

from tests.architecture.codes import given_out
from tests.architecture.tree import text

PAGE = "docs/reason-codes.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)


def explained() -> list[str]:
    """Return the codes of the page in its order."""
    return [code for code, _meaning, _move in ROW.findall(text(PAGE))]


def test_every_code_is_explained():
    missing = {code: places for code, places in given_out().items() if code not in explained()}
    assert not missing, f"add a row for each to {PAGE}"


def test_every_explained_code_is_given_out():
    assert not set(explained()) - set(given_out()), f"no code gives these out: remove them from {PAGE}"


def test_rows_are_sorted_and_whole():
    codes = explained()
    assert codes == sorted(set(codes)), "each once, in alphabetical order"
    rows = [line for line in text(PAGE).splitlines() if line.startswith("| `")]
    assert len(rows) == len(codes), "a row is: | `code` | what it means | what to do |"


def test_the_reader_finds_what_it_must():
    found = given_out()
    must = {
        "not_allowed": "the first argument of an error",
        "not_an_approver": "a No",
        "checks_failed": "a verdict's code",
        "charts_unavailable": "a local name",
        "rate_limited": "a table of the module",
        "deploy_failed": "one of two names assigned at once",
        "tool_unavailable": "a table's default",
    }
    assert not {code: how for code, how in must.items() if code not in found}
