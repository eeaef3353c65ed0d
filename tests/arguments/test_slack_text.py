"""What Slack does to typed text is undone.

Forms: https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
"""

import pytest

from bot import arguments


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("deploy <http://checkout.io|checkout.io> to staging", "deploy checkout.io to staging"),
        ("deploy <mailto:checkout@1.4.io|checkout@1.4.io>", "deploy checkout@1.4.io"),
        ("deploy <https://example.org/x|this>", "deploy https://example.org/x"),
        ("deploy <https://example.org/x>", "deploy https://example.org/x"),
        ("lock for <@U123|mia> in <#C1|ops>", "lock for @U123 in #C1"),
        ("tell <@U123> and <!subteam^S1|@devs>, <!here>", "tell @U123 and @S1, @here"),
        ("on <!date^1392734382^{date}|18 February 2014>", "on 18 February 2014"),
        ("a &amp;&lt;b&gt; &amp;lt;", "a &<b> &lt;"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_typed_text_comes_back(sent, typed):
    assert arguments.from_slack(sent) == typed


@pytest.mark.parametrize(
    ("typed", "inside"),
    [
        ("`deploy checkout`", "deploy checkout"),
        ("```deploy checkout```", "deploy checkout"),
        (" `deploy` `checkout` ", "`deploy` `checkout`"),
        ("``", "``"),
        ("", ""),
    ],
)
def test_backticks_around_the_whole_are_taken_off(typed, inside):
    assert arguments.unwrap(typed) == inside


def test_emoji_and_persian_keep_their_joiners():
    assert arguments.clean("👩‍💻 می‌خواهم") == "👩‍💻 می‌خواهم"
    assert arguments.clean("check\u200dout \u200d") == "checkout "
    assert arguments.clean("\ud800\u202egnp.exe\x00") == "\ufffdgnp.exe"
