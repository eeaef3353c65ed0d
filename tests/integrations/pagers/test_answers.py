"""What comes back: keys, replies, buttons and deliveries, through Shipmate's own receiver of webhooks."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from msgspec.structs import replace

from integrations.capabilities.paging import Delivery, PageAnswer, Receipt, Way, reply_code
from integrations.errors import OutcomeUnknown
from integrations.twilio.wire import signature
from tests.integrations.contract.paging import PAGE
from tests.integrations.pagers.conftest import NUMBER, TOPIC, twilio_settings
from tests.servers.pagers import ntfy, pagerduty, receiver, twilio

OTHER = replace(PAGE, id="A-7/step-2/mia/call/2")


def answers(front) -> list[PageAnswer]:
    return [one.data["answer"] for one in front.events if one.kind == "page.answer"]


def deliveries(front) -> list[tuple[str, Delivery]]:
    found = []
    for one in front.events:
        if one.kind == "page.delivery":
            receipt = one.data["receipt"]
            assert isinstance(receipt, Receipt)
            assert receipt.ref == one.ref
            found.append((one.data["page"], receipt.delivery))
    return found


# --------------------------------------------------------------------------------------------------------------- ntfy


@pytest.fixture
async def push(pager, front, ntfy_server):
    made = await pager(
        "ntfy", url=ntfy_server.url, token=ntfy.TOKEN, webhook_url=front.address("ntfy"), webhook_secret="a-secret"
    )
    front.listen("ntfy", made.chosen)
    return made


async def test_the_button_of_a_push_acknowledges_its_page_once(push, front, ntfy_server):
    await push.page(Way.PUSH, TOPIC, PAGE)
    (message,) = ntfy_server.shown(TOPIC)
    assert (message["priority"], message["click"]) == (5, PAGE.url)
    assert [await ntfy_server.press(message), await ntfy_server.press(message)] == [204, 204]
    assert answers(front) == [PageAnswer(address=TOPIC, page=PAGE.id, acknowledged=True, words="Acknowledge")]


async def test_the_token_of_a_button_is_good_for_nothing_else(push, front, ntfy_server):
    await push.page(Way.PUSH, TOPIC, PAGE)
    (message,) = ntfy_server.shown(TOPIC)
    (action,) = message["actions"]
    other = {**action, "body": action["body"].replace(PAGE.id, OTHER.id)}
    assert await ntfy_server.press({"actions": [other]}) == 401
    assert await ntfy_server.press({"actions": [{**action, "headers": {}}]}) == 401
    assert front.events == []
    assert "a-secret" not in str(message)


async def test_without_an_address_of_ours_a_push_has_no_button(pager, ntfy_server):
    made = await pager("ntfy", url=ntfy_server.url, token=ntfy.TOKEN)
    await made.page(Way.PUSH, TOPIC, PAGE)
    (message,) = ntfy_server.shown(TOPIC)
    assert "actions" not in message


async def test_a_topic_that_may_not_be_read_cannot_be_asked(push, pager, ntfy_server):
    ntfy_server.readable = False
    with pytest.raises(OutcomeUnknown):
        await push.look_up(Way.PUSH, TOPIC, PAGE.id)
    forgetful = await pager("ntfy", url=ntfy_server.url, token=ntfy.TOKEN, cache=False)
    with pytest.raises(OutcomeUnknown):
        await forgetful.look_up(Way.PUSH, TOPIC, PAGE.id)


# ------------------------------------------------------------------------------------------------------------- twilio


@pytest.fixture
async def phone(pager, front, twilio_server):
    made = await pager("twilio", url=twilio_server.url, **twilio_settings(webhook_url=front.address("twilio")))
    front.listen("twilio", made.chosen)
    twilio_server.inbound_url = front.address("twilio")
    return made


async def called(phone, twilio_server, page=PAGE):
    await phone.page(Way.CALL, NUMBER, page)
    return twilio_server.calls[-1]


async def test_a_call_is_spoken_twice_and_key_1_acknowledges(phone, front, twilio_server):
    call = await called(phone, twilio_server)
    heard = await twilio_server.take(call)
    said = [one.text for one in heard.iter("Say")]
    assert said.count(PAGE.spoken) == 2
    assert "Press 1 if you are on it." in said
    after = await twilio_server.press(call, heard, "1")
    assert [one.tag for one in after] == ["Say", "Hangup"]
    await twilio_server.hang_up(call)
    assert answers(front) == [PageAnswer(address=NUMBER, page=PAGE.id, acknowledged=True, words="1")]
    assert deliveries(front) == [(PAGE.id, Delivery.DELIVERED)]


async def test_another_key_acknowledges_nothing_and_asks_again(phone, front, twilio_server):
    call = await called(phone, twilio_server)
    again = await twilio_server.press(call, await twilio_server.take(call), "5")
    assert again.find("Gather") is not None
    assert [one.acknowledged for one in answers(front)] == [False]
    await twilio_server.press(call, again, "1")
    assert [(one.acknowledged, one.page) for one in answers(front)] == [(False, PAGE.id), (True, PAGE.id)]


@pytest.mark.parametrize("who", ["machine_start", "machine_end_beep", "fax", "unknown"])
async def test_a_machine_that_takes_a_call_is_no_delivery(phone, front, twilio_server, who):
    call = await called(phone, twilio_server)
    await twilio_server.take(call, answered_by=who)
    await twilio_server.hang_up(call)
    assert deliveries(front) == [(PAGE.id, Delivery.FAILED)]
    assert answers(front) == []
    found = await phone.look_up(Way.CALL, NUMBER, PAGE.id)
    assert found.delivery is Delivery.FAILED
    assert "took the call" in found.reason


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_a_call_that_nobody_takes_has_failed(phone, front, twilio_server, status):
    call = await called(phone, twilio_server)
    assert await twilio_server.hang_up(call, status) == 200
    assert deliveries(front) == [(PAGE.id, Delivery.FAILED)]


async def test_without_an_address_of_ours_a_call_only_speaks(pager, twilio_server):
    made = await pager("twilio", url=twilio_server.url, **twilio_settings(machine_detection=False))
    call = await called(made, twilio_server)
    heard = await twilio_server.take(call)
    assert heard.find("Gather") is None
    assert "StatusCallback" not in twilio_server.asked[call["sid"]]


@pytest.mark.parametrize(
    ("words", "code", "acknowledged"),
    [
        ("1", "", True),
        (f"1 {reply_code(PAGE.id)}", reply_code(PAGE.id), True),
        (f" ACK: {reply_code(PAGE.id)}.", reply_code(PAGE.id), True),
        ("Ack", "", True),
        ("11", "", False),
        ("1 please stop", "", False),
        ("I cannot", "", False),
        ("", "", False),
    ],
)
async def test_a_reply_to_a_text_message_acknowledges(phone, front, twilio_server, words, code, acknowledged):
    status, text = await twilio_server.write(NUMBER, words)
    assert (status, text) == (200, "<Response/>")
    assert answers(front) == [PageAnswer(address=NUMBER, code=code, acknowledged=acknowledged, words=words)]


async def test_a_text_message_says_how_to_answer_and_where_it_is(phone, front, twilio_server):
    receipt = await phone.page(Way.SMS, NUMBER, PAGE)
    (message,) = twilio_server.messages
    assert message["body"].endswith(f"Reply 1 {reply_code(PAGE.id)} if you are on it.")
    assert receipt == Receipt(ref=message["sid"], delivery=Delivery.QUEUED)
    await twilio_server.deliver(message, "sent")
    await twilio_server.deliver(message, "delivered")
    await twilio_server.deliver(message, "delivered")
    await twilio_server.deliver(message, "undelivered", 30003)
    expected = [Delivery.QUEUED, Delivery.DELIVERED, Delivery.FAILED]
    assert deliveries(front) == [(PAGE.id, one) for one in expected]
    assert answers(front) == []
    assert "30003" in (await phone.look_up(Way.SMS, NUMBER, PAGE.id)).reason


async def test_after_a_restart_a_message_is_found_by_its_code_and_a_call_only_where_it_must_be_it(
    pager, phone, twilio_server
):
    await phone.page(Way.SMS, NUMBER, OTHER)
    sent = await phone.page(Way.SMS, NUMBER, PAGE)
    call = await called(phone, twilio_server)
    other = await pager("twilio", url=twilio_server.url, **twilio_settings())
    assert (await other.look_up(Way.SMS, NUMBER, PAGE.id)).ref == sent.ref
    assert await other.look_up(Way.SMS, NUMBER, "never sent") is None
    assert (await other.look_up(Way.CALL, NUMBER, PAGE.id)).ref == call["sid"]
    call["status"] = "completed"
    with pytest.raises(OutcomeUnknown):
        await other.look_up(Way.CALL, NUMBER, PAGE.id)
    twilio_server.now += timedelta(days=2)
    assert await other.look_up(Way.CALL, NUMBER, PAGE.id) is None


async def test_what_twilio_did_not_sign_stays_out(phone, front, twilio_server):
    url, form = front.address("twilio"), {"MessageSid": "SM1", "From": NUMBER, "Body": "1"}
    good = twilio.signed(twilio.AUTH_TOKEN, url, form)
    forged = [
        ("", form, ""),
        (twilio.signed("another token", url, form), form, ""),
        (good, {**form, "From": "+14155550999"}, ""),
        (good, form, "?page=A-7"),
        (twilio.signed(twilio.AUTH_TOKEN, url.replace("127.0.0.1", "elsewhere"), form), form, ""),
    ]
    async with aiohttp.ClientSession() as http:
        for signed, sent, query in forged:
            async with http.post(url + query, data=sent, headers={"X-Twilio-Signature": signed}) as answer:
                assert answer.status == 401
        async with http.post(url, data=b"\xff\xfe", headers={"X-Twilio-Signature": good}) as answer:
            assert answer.status == 401
    assert front.events == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="), ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")],
)
def test_the_signature_is_that_of_twilios_examples(number, expected):
    form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", number),
        ("Digits", "1234"),
        ("From", number),
        ("To", "+18005551212"),
    ]
    assert signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form) == expected


# ---------------------------------------------------------------------------------------------------------- pagerduty


@pytest.fixture
async def events(pager, front, pagerduty_server):
    made = await pager(
        "pagerduty",
        url=pagerduty_server.url,
        webhook_secret=pagerduty.SECRET,
        routing_key=pagerduty.ROUTING_KEY,
    )
    front.listen("pagerduty", made.chosen)
    return made


async def test_an_acknowledgement_of_a_person_comes_back_from_pagerduty(events, front, pagerduty_server):
    receipt = await events.page(Way.EVENT, pagerduty.USER["id"], PAGE)
    url = front.address("pagerduty")
    assert await pagerduty_server.tell(url, receipt.ref, agent=pagerduty.USER) == 204
    (answer,) = answers(front)
    assert answer == PageAnswer(address="PLH1HKV", subject="A-7", acknowledged=True, words="Tenex Engineer")


async def test_whatever_else_pagerduty_tells_acknowledges_nothing(events, front, pagerduty_server):
    receipt = await events.page(Way.EVENT, pagerduty.USER["id"], PAGE)
    url, robot = front.address("pagerduty"), {"id": "PF9KMXH", "type": "service_reference", "summary": "API"}
    tell = pagerduty_server.tell
    told = [
        await tell(url, receipt.ref, agent=None),
        await tell(url, receipt.ref, agent=robot),
        await tell(url, receipt.ref, agent=pagerduty.USER, kind="resolved"),
        await tell(url, "shipmate:another:A-7", agent=pagerduty.USER),
        await tell(url, "A-7", agent=pagerduty.USER),
    ]
    assert told == [204] * 5
    assert await tell(url, receipt.ref, agent=pagerduty.USER, secret="guessed") == 401
    assert front.events == []


async def test_what_is_settled_here_is_settled_there(events, pagerduty_server):
    user = pagerduty.USER["id"]
    receipt = await events.page(Way.EVENT, user, PAGE)
    assert pagerduty_server.events[0]["payload"]["severity"] == "critical"
    await events.settled(Way.EVENT, user, PAGE.subject, resolved=False)
    assert pagerduty_server.alerts == {receipt.ref: "acknowledged"}
    await events.settled(Way.EVENT, user, PAGE.subject, resolved=True)
    assert pagerduty_server.alerts == {receipt.ref: "resolved"}


# ------------------------------------------------------------------------------------------------------------ webhook


@pytest.fixture
async def own(pager, front, own_receiver):
    made = await pager("webhook", urls=[own_receiver.url], secret=receiver.SECRET)
    front.listen("webhook", made.chosen)
    return made


async def test_a_program_of_ones_own_answers_and_tells_of_deliveries(own, front, own_receiver):
    to, now, url = f"{own_receiver.url}/pages/mia", datetime.now(UTC), front.address("webhook")
    assert await own.page(Way.WEBHOOK, to, PAGE) == Receipt(ref="p-1", delivery=Delivery.QUEUED)
    (taken,) = own_receiver.taken.values()
    assert (taken["id"], taken["subject"], taken["opened_at"]) == (PAGE.id, "A-7", "2026-11-23T02:30:00+00:00")
    delivered = {"type": "delivery", "page": PAGE.id, "ref": "p-1", "delivery": "delivered"}
    acknowledged = {"type": "acknowledged", "page": PAGE.id, "address": to, "words": "on it"}
    for ident, told in (("m1", delivered), ("m2", acknowledged), ("m2", acknowledged)):
        assert await receiver.post(url, ident, now, told) == 204
    assert deliveries(front) == [(PAGE.id, Delivery.DELIVERED)]
    assert answers(front) == [PageAnswer(address=to, page=PAGE.id, acknowledged=True, words="on it")]


async def test_late_forged_and_unreadable_answers_stay_out(own, front):
    url, now = front.address("webhook"), datetime.now(UTC)
    good = {"type": "acknowledged", "page": PAGE.id}
    assert await receiver.post(url, "m1", now - timedelta(minutes=6), good) == 401
    assert await receiver.post(url, "m2", now, [good]) == 400
    assert await receiver.post(url, "m3", now, {**good, "type": "sung"}) == 400
    assert await receiver.post(url, "m4", now, {"type": "acknowledged"}) == 400
    assert await receiver.post(url, "", now, good) == 401
    async with aiohttp.ClientSession() as http, http.post(url, json=good) as answer:
        assert answer.status == 401
    assert front.events == []
