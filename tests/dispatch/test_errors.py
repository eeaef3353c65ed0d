"""What a refusal's notification says."""

from datetime import UTC, datetime

from bot.errors import Refused
from bot.reply import moment, say


def test_the_summary_of_a_refusal_has_neither_marks_nor_tokens():
    since = moment(datetime(2026, 3, 4, 13, 10, tzinfo=UTC))
    refused = Refused("locked", say("*{}* is locked by @{} since {}, “{}”.", "checkout/staging", "tom", since, "a<b"))
    reply = refused.reply()
    assert reply.summary == "checkout/staging is locked by @tom since 13:10 UTC, “a<b”."
    assert "*checkout/staging*" in str(reply.parts[0])


def test_plain_words_are_left_as_they_are():
    assert Refused("odd", "2 * 3 < 7 & *so on*").reply().summary == "2 * 3 < 7 & *so on*"
