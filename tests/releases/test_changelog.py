"""Changelogs: groups, merge requests, tickets and authors; nothing from outside becomes markup or a mention."""

import re
from datetime import UTC, datetime

from hypothesis import given, strategies as st

from bot.releases.changelog import Changelog, changelog_of, counts, for_slack, lengthened, markdown, shortened
from bot.releases.conventional import Group
from integrations.capabilities.git import Author, Commit
from integrations.capabilities.merge_requests import MergeRequest, MergeState

ADA, TOM = Author(name="Ada", email="Ada@example.org"), Author(name="Tom", email="tom@example.org")
AT = datetime(2026, 11, 23, tzinfo=UTC)


def commit(message: str, number: int = 1, author: Author = ADA, co_authors: tuple[Author, ...] = ()) -> Commit:
    title = message.split("\n", 1)[0]
    sha = f"{number:040x}"
    return Commit(sha=sha, title=title, message=message, author=author, authored_at=AT, co_authors=co_authors)


def merged(number: int, sha: str, title: str = "Pay by card") -> MergeRequest:
    return MergeRequest(
        project="shop", number=number, title=title, url=f"https://git.example/shop/-/merge_requests/{number}",
        state=MergeState.MERGED, author="ada", source="card", target="main", sha=sha,
    )  # fmt: skip


COMMITS = (
    commit("feat(cart)!: one cart for all\n\nBREAKING CHANGE: /v1/cart is gone", 1),
    commit("feat: pay by card PAY-311", 2, co_authors=(TOM,)),
    commit("fix: round up", 3, TOM),
    commit("Tidy the shelves", 4),
    commit("Merge branch 'card' into 'main'\n\nPay by card\n\nSee merge request team/shop!12", 5),
)


def test_what_lies_between_two_releases_is_told_in_groups():
    found = changelog_of(
        COMMITS, [merged(12, f"{2:040x}")], total=5, ticket=r"PAY-\d+", ticket_url="https://tickets.example/{}"
    )
    assert found.groups == (Group.BREAKING, Group.FEATURE, Group.FIX, Group.OTHER)
    assert counts(found) == {"breaking": 1, "features": 1, "fixes": 1, "others": 1}
    assert (found.authors, found.emails) == (("Ada", "Tom"), ("ada@example.org", "tom@example.org"))
    assert Changelog.from_json(found.to_json()) == found
    assert markdown(found) == (
        "### Breaking changes\n\n- **cart:** one cart for all: /v1/cart is gone (`0000000`) by Ada\n\n"
        "### Features\n\n- pay by card PAY-311 (`0000000`, !12) by Ada, Tom\n\n"
        "### Fixes\n\n- round up (`0000000`) by Tom\n\n"
        "### Other changes\n\n- Tidy the shelves (`0000000`) by Ada\n\n"
        "### Merge requests\n\n- [!12](https://git.example/shop/-/merge_requests/12) Pay by card by ada\n\n"
        "### Tickets\n\n- [PAY-311](https://tickets.example/PAY-311)\n\n"
        "By Ada, Tom."
    )


def test_a_merge_request_is_known_by_its_merge_commit_alone():
    found = changelog_of(COMMITS, [], total=5)
    assert [(one.name, one.title) for one in found.merged] == [("!12", "Pay by card")]


def test_nothing_from_outside_becomes_markup():
    hostile = "fix: <!channel> @all [x](javascript:1) **b** `c` </script>\n\nx"
    notes = markdown(changelog_of([commit(hostile, author=Author(name="@everyone *x*", email=""))], [], total=1))
    assert "@all" not in notes
    assert "@everyone" not in notes
    assert not re.search(r"(?<!\\)\[x|(?<!\\)<|(?<!\\)\*\*b", notes)
    shown = str(for_slack(notes))
    assert "<!channel>" not in shown
    assert "&lt;!channel&gt;" in shown


@given(st.text(max_size=300))
def test_slack_shows_any_notes_without_mentions(notes: str):
    shown = str(for_slack(notes))
    for token in re.findall(r"<[^>]*>", shown):
        assert token.startswith(("<https://", "<http://")), token


def test_notes_for_slack():
    assert str(for_slack("### Fixes\n- **cart:** a \\*b (`abc`) [!1](https://x.example/1)")) == (
        "*Fixes*\n• *cart:* a *b (`abc`) <https://x.example/1|!1>"
    )


@given(st.lists(st.text(alphabet="abc \\`", max_size=90), min_size=1, max_size=80), st.integers(200, 900))
def test_notes_too_long_for_an_input_come_back_whole(lines: list[str], longest: int):
    notes = "\n".join(lines)
    short = shortened(notes, longest)
    assert len(short) <= longest
    assert lengthened(short, notes) == notes


def test_what_a_person_wrote_stays():
    notes = "\n".join(f"line {number}" for number in range(200))
    short = shortened(notes, 500)
    assert lengthened(f"Hello\n{short}", notes) == f"Hello\n{notes}"
    assert lengthened("Mine alone", notes) == "Mine alone"
