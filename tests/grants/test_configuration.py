"""What the configuration says of keys, accounts, issues and reminders, and what is wrong with it."""

import base64

import pytest

from bot.settings import SettingsError, load, warnings

GOOD_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
RIGHT = """\
slack: {bot_token: "${BOT}", app_token: "${APP}"}
encryption_keys: ["${KEY}"]
server: {public_url: "https://shipmate.example.org"}
people:
  mia: {slack: U01MIA, accounts: {gitlab: m.lind}}
  tom: {slack: U01TOM, accounts: {gitlab: tom}}
permissions: [{allow: ["*"], to: [everyone]}]
integrations:
  local: {type: local, root: repositories}
  gitlab: {type: gitlab, url: "https://gitlab.example.org", token: "${BOT}"}
environments: {staging: {}}
services:
  checkout:
    repository: {with: gitlab, project: shop/checkout}
    issues: {with: gitlab, project: shop/board}
    review_reminders: "0 9 * * 1-5"
    review_timezone: Europe/Berlin
    environments: [{name: staging, deploy: {with: local, job: x}}]
"""
ENVIRON = {"BOT": "xoxb-1111111111-aaaaaaaaaa", "APP": "xapp-2222222222-bbbbbbbbbb", "KEY": GOOD_KEY}


@pytest.fixture
def read(tmp_path):
    def run(text=RIGHT, **environ):
        path = tmp_path / "shipmate.yaml"
        path.write_text(text)
        return load(path, {**ENVIRON, **environ})

    return run


def test_keys_accounts_issues_and_reminders_are_read(read):
    settings = read()
    assert [key.get_secret_value() for key in settings.encryption_keys] == [GOOD_KEY]
    assert settings.people["mia"].accounts == {"gitlab": "m.lind"}
    checkout = settings.services["checkout"]
    assert checkout.issues is not None
    assert (checkout.issues.instance, checkout.issues.project) == ("gitlab", "shop/board")
    assert (checkout.review_reminders, checkout.review_timezone) == ("0 9 * * 1-5", "Europe/Berlin")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('encryption_keys: ["${KEY}"]', f'encryption_keys: ["{GOOD_KEY}"]', "a secret stands here in plain text"),
        ('["${KEY}"]', '["${BOT}"]', "an encryption key is 32 random bytes in URL-safe base64"),
        ("{gitlab: m.lind}", "{gitlap: m.lind}", "gitlap is no integration. Did you mean gitlab?"),
        ("{gitlab: m.lind}", "{local: m.lind}", "local (type local) is no PersonalAccess. One that is: gitlab."),
        ("{gitlab: m.lind}", "{gitlab: Tom}", "gitlab: tom is mia already"),
        ("issues: {with: gitlab", "issues: {with: local", "local (type local) is no IssueTracker"),
        ('"0 9 * * 1-5"', '"at nine"', "a cron expression of five fields was expected"),
        ('"0 9 * * 1-5"', '"0 9 * * 1-5 2026"', "a cron expression of five fields was expected"),
        ("Europe/Berlin", "Berlin", "a time zone was expected, such as Europe/Berlin"),
    ],
)
def test_one_mistake_is_told(read, old, new, said):
    assert old in RIGHT
    with pytest.raises(SettingsError) as refused:
        read(RIGHT.replace(old, new, 1))
    told = [f"{one.message}. {one.suggestion}" for one in refused.value.mistakes]
    assert len(told) == 1, told
    assert said in told[0]
    assert GOOD_KEY not in told[0]


def test_a_key_without_a_public_address_is_warned_of(read):
    assert not [one for one in warnings(read()) if "encryption_keys" in one]
    text = RIGHT.replace('server: {public_url: "https://shipmate.example.org"}\n', "")
    assert [one for one in warnings(read(text)) if "encryption_keys" in one]
