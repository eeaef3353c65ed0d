"""Versions: what is read is what was written, what follows is greater, and the words where nothing follows."""

from datetime import date

import pytest
from hypothesis import given, strategies as st

from bot.releases.conventional import Group, bump_of, read
from bot.releases.versions import Bump, CalVer, SemVer, Version, VersionError, newest

TODAY = date(2026, 11, 23)
NUMBERS = st.integers(min_value=0, max_value=999)
FINALS = st.builds(lambda a, b, c: f"{a}.{b}.{c}", NUMBERS, NUMBERS, NUMBERS)
BUMPS = st.sampled_from([Bump.MAJOR, Bump.MINOR, Bump.PATCH])
FORMS = st.sampled_from(["YYYY.MM.MICRO", "YY.0M.MICRO", "YYYY.0M.0D", "YYYY.WW.MICRO", "0Y-0W.MICRO", "YYYY.MICRO"])
DAYS = st.dates(min_value=date(2001, 1, 8), max_value=date(2098, 12, 24))


def version(scheme: SemVer | CalVer, text: str) -> Version:
    found = scheme.read(text)
    assert found is not None, text
    return found


@given(FINALS, st.sampled_from(["", "-rc.1", "-beta.12", "-a.b.c"]))
def test_a_version_is_read_as_it_is_written(final: str, pre: str):
    found = version(SemVer(), final + pre)
    assert (str(found), found.final) == (final + pre, not pre)


@given(FINALS, BUMPS, st.sampled_from(["", "rc", "beta"]))
def test_what_follows_is_greater(final: str, bump: Bump, pre: str):
    scheme = SemVer()
    latest = version(scheme, final)
    after = scheme.after(latest, bump, [latest], pre=pre, today=TODAY)
    assert after > latest
    assert scheme.read(after.text) == after


@given(FINALS, BUMPS, st.integers(min_value=1, max_value=4))
def test_pre_releases_count_up_and_come_before_their_version(final: str, bump: Bump, many: int):
    scheme = SemVer()
    known = [version(scheme, final)]
    for _ in range(many):
        known.append(scheme.after(known[0], bump, known, pre="rc", today=TODAY))
    assert known == sorted(known)
    assert len(set(known)) == many + 1
    ends = scheme.after(newest(known, final=True), bump, known, pre="", today=TODAY)
    assert ends > known[-1]
    assert known[-1].text == f"{ends}-rc.{many}"


@given(FORMS, DAYS, DAYS, st.integers(min_value=0, max_value=5))
def test_the_calendar_never_goes_back(form: str, one: date, other: date, more: int):
    scheme = CalVer(form)
    latest = scheme.after(None, Bump.AUTO, [], pre="", today=one)
    assert scheme.read(latest.text) == latest
    for day in (one, other, *[other] * more):
        if "MICRO" not in form and scheme.after(None, Bump.AUTO, [], pre="", today=day) <= latest:
            with pytest.raises(VersionError, match="cut already"):
                scheme.after(latest, Bump.AUTO, [], pre="", today=day)
            continue
        after = scheme.after(latest, Bump.AUTO, [], pre="", today=day)
        assert after > latest
        latest = version(scheme, after.text)


@pytest.mark.parametrize(
    ("form", "latest", "expected"),
    [
        ("YYYY.MM.MICRO", "", "2026.11.0"),
        ("YYYY.MM.MICRO", "2026.11.3", "2026.11.4"),
        ("YYYY.MM.MICRO", "2026.10.7", "2026.11.0"),
        ("YYYY.MM.MICRO", "2027.1.0", "2027.1.1"),
        ("YY.0M.0D", "", "26.11.23"),
        ("YYYY.0W.MICRO", "", "2026.48.0"),
    ],
)
def test_versions_of_the_calendar(form: str, latest: str, expected: str):
    scheme = CalVer(form)
    before = version(scheme, latest) if latest else None
    assert scheme.after(before, Bump.AUTO, [], pre="", today=TODAY).text == expected


def test_the_last_days_of_a_year_belong_to_the_week_s_year():
    assert CalVer("YYYY.0W.MICRO").after(None, Bump.AUTO, [], pre="", today=date(2027, 1, 2)).text == "2026.53.0"


@pytest.mark.parametrize("text", ["1.4", "v1.4.2", "1.4.2+build", "01.4.2", "1.4.2-", "1.4.2-01", "", "9999999999.0.0"])
def test_what_is_no_semver(text: str):
    assert SemVer().read(text) is None


@pytest.mark.parametrize("text", ["2026.11", "2026.011.0", "26.11.0.1", "x", "2026.11.0-rc.1"])
def test_what_is_no_calver(text: str):
    assert CalVer("YYYY.MM.MICRO").read(text) is None


def test_the_first_version_is_configured():
    assert SemVer("0.3.0").after(None, Bump.MINOR, [], pre="", today=TODAY).text == "0.3.0"
    assert SemVer().after(None, Bump.MAJOR, [], pre="", today=TODAY).text == "1.0.0"


@pytest.mark.parametrize(("bump", "pre"), [(Bump.MAJOR, ""), (Bump.AUTO, "rc")])
def test_the_calendar_knows_no_bump(bump: Bump, pre: str):
    with pytest.raises(VersionError) as caught:
        CalVer("YYYY.MM.MICRO").after(None, bump, [], pre=pre, today=TODAY)
    assert caught.value.code == "bump_without_meaning"


def test_a_pre_release_has_a_name_of_letters():
    with pytest.raises(VersionError) as caught:
        SemVer().after(None, Bump.PATCH, [], pre="1", today=TODAY)
    assert caught.value.code == "bad_pre_release"


@pytest.mark.parametrize(
    ("message", "group", "scope", "text"),
    [
        ("feat: pay by card", Group.FEATURE, "", "pay by card"),
        ("FEAT(cart): add", Group.FEATURE, "cart", "add"),
        ("fix(cart)!: drop v1", Group.BREAKING, "cart", "drop v1"),
        ("chore: tidy\n\nBREAKING CHANGE: no more Python 3.10", Group.BREAKING, "", "tidy"),
        ("chore: tidy\n\nBREAKING-CHANGE: gone", Group.BREAKING, "", "tidy"),
        ("chore: tidy\n\nbreaking change: it is written in capitals", Group.OTHER, "", "tidy"),
        ("perf: faster", Group.FIX, "", "faster"),
        ("Fix the cart", Group.OTHER, "", "Fix the cart"),
        ("feat:no space", Group.OTHER, "", "feat:no space"),
        ("feat(): empty", Group.OTHER, "", "feat(): empty"),
        ("BREAKING CHANGE: in the title says nothing by itself", Group.OTHER, "", None),
    ],
)
def test_conventional_commits(message: str, group: Group, scope: str, text: str | None):
    said = read(message)
    assert (said.group, said.scope, said.text) == (group, scope, message if text is None else text)


@pytest.mark.parametrize(
    ("groups", "latest", "bump"),
    [
        ((Group.BREAKING, Group.FIX), "1.4.2", Bump.MAJOR),
        ((Group.BREAKING, Group.FIX), "0.4.2", Bump.MINOR),
        ((Group.FEATURE, Group.FIX), "1.4.2", Bump.MINOR),
        ((Group.FIX, Group.OTHER), "1.4.2", Bump.PATCH),
        ((Group.OTHER,), "1.4.2", None),
        ((), "1.4.2", None),
    ],
)
def test_what_commits_raise(groups: tuple[Group, ...], latest: str, bump: Bump | None):
    assert bump_of(groups, version(SemVer(), latest)) is bump


@given(st.text(max_size=200))
def test_any_message_can_be_read(message: str):
    assert read(message).group in Group
