"""Freezes in the configuration: what is read of them, and all that can be wrong, at once and with its line."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.settings import Mistake, Settings, SettingsError, load

HEAD = """\
groups: {release-managers: [U01ANA]}
environments: {staging: {}, production: {production_like: true}}
integrations: {local: {type: local, root: repositories}}
services:
  checkout:
    repository: {with: local, project: checkout}
    environments: [{name: production, deploy: {with: local, job: checkout/production}}]
freezes:
"""
FIRST = HEAD.count("\n") + 1


def read(folder: Path, *freezes: str) -> Settings:
    path = folder / "shipmate.yaml"
    path.write_text(HEAD + "".join(f"  - {{{one}}}\n" for one in freezes))
    return load(path, {})


def mistakes(folder: Path, *freezes: str) -> list[Mistake]:
    with pytest.raises(SettingsError) as caught:
        read(folder, *freezes)
    return list(caught.value.mistakes)


GOOD = "name: a, reason: b, production_like: true"


def test_dates_are_read_as_people_write_them(tmp_path: Path):
    bare = read(tmp_path, f"{GOOD}, from: 2026-12-18, to: 2026-12-24").freezes[0]
    assert (bare.begins, bare.ends) == (datetime.fromisoformat("2026-12-18"), datetime.fromisoformat("2026-12-25"))
    timed = read(tmp_path, f"{GOOD}, from: 2026-12-18 18:00, to: 2026-12-24T12:00:00, timezone: Europe/Berlin")
    assert timed.freezes[0].begins == datetime.fromisoformat("2026-12-18T18:00")
    assert timed.freezes[0].ends == datetime.fromisoformat("2026-12-24T12:00")
    again = read(tmp_path, f'{GOOD}, every: "0 16 * * 5", for: 2d16h, exceptions: [release-managers]').freezes[0]
    assert (again.every, again.length) == ("0 16 * * 5", timedelta(days=2, hours=16))
    assert again.rollbacks


@pytest.mark.parametrize(
    ("freeze", "path", "says"),
    [
        ("name: a, reason: b, from: 2026-12-18", "freezes[0]", "what is frozen"),
        (GOOD, "freezes[0]", "it says not when"),
        (f"{GOOD}, to: 2026-12-18", "freezes[0].to", "to needs from"),
        (f"{GOOD}, from: 2026-12-18, to: 2026-12-17", "freezes[0].to", "to is not after from"),
        (f"{GOOD}, from: soon", "freezes[0].from", "a date or a date with a time was expected"),
        (f"{GOOD}, from: 2026-12-18, every: '0 1 * * *'", "freezes[0].every", "cannot stand beside from"),
        (f"{GOOD}, every: '0 1 * * *'", "freezes[0].every", "every needs for"),
        (f"{GOOD}, for: 1h", "freezes[0].for", "for needs every"),
        (f"{GOOD}, every: 'daily', for: 1h", "freezes[0].every", "a cron expression of five fields"),
        (f"{GOOD}, every: '0 0 30 2 *', for: 1h", "freezes[0].every", "a day that never comes"),
        (f"{GOOD}, every: '0 1 * * *', for: 30s", "freezes[0].for", "between 1 minute and 366 days"),
        (f"{GOOD}, from: 2026-12-18, timezone: Berlin", "freezes[0].timezone", "a time zone was expected"),
        (f"{GOOD}, from: 2026-12-18, exceptions: [managers]", "freezes[0].exceptions[0]", "managers is no group"),
        (f"{GOOD}, from: 2026-12-18, services: [chekout]", "freezes[0].services[0]", "chekout is no service"),
        (f"{GOOD}, from: 2026-12-18, environments: [prod]", "freezes[0].environments[0]", "prod is no environment"),
        (
            f"{GOOD}, from: 2026-12-18 10:00, to: '2026-12-18T12:00+02:00'",
            "freezes[0].to",
            "one of from and to has an offset",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, freeze: str, path: str, says: str):
    found = mistakes(tmp_path, freeze)
    assert [(one.path, one.line) for one in found] == [(path, FIRST)]
    assert says in found[0].message


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    found = mistakes(
        tmp_path,
        "name: a, reason: b, from: 2026-12-18",
        f"{GOOD}, from: 2026-12-18, timezone: Berlin, exceptions: [managers], too: 2026-12-20",
        f"{GOOD}, every: 'x', for: 1h",
    )
    assert [(one.line - FIRST, one.path.split("]")[1]) for one in found] == [
        (0, ""),
        (1, ".exceptions[0"),
        (1, ".name"),
        (1, ".timezone"),
        (1, ".too"),
        (2, ".every"),
        (2, ".name"),
    ]
