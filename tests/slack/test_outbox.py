"""What is written into the outbox reaches its channel: once, in order, newest state last, whatever Slack does."""

import asyncio

import pytest
import sqlalchemy as sa

from bot.identity import Channel, Person
from bot.reply import Markup, Message, Paragraph, Picture, Step, Steps, StepState
from bot.slack.pacing import Pacing
from bot.slack.records import State, outbox
from tests.slack.commands import PNG
from tests.slack.office import connected, workspace


def channel(office, name="checkout"):
    return Channel(team=office.gateway.connection.identity.team, channel=office.channel_id(name))


def person(office, name):
    user = office.sandbox.workspace.find_user(name)
    return Person(team=user.team_id, user=user.id)


def note(text):
    return Message(summary=text, parts=(Paragraph(Markup(text)),))


async def show(office, subject, text, **options):
    where = options.pop("where", "checkout")
    async with office.store.write() as tx:
        await office.gateway.outbox.show(tx, subject, channel(office, where), note(text), **options)


async def post(office, key, text, **options):
    where = options.pop("where", "checkout")
    async with office.store.write() as tx:
        await office.gateway.outbox.post(tx, key, channel(office, where), note(text), **options)


async def row(office, key):
    async with office.store.read() as conn:
        return (await conn.execute(sa.select(outbox).where(outbox.c.key == key))).first()


async def settled(office):
    async def empty():
        return not await office.gateway.outbox.waiting()

    await office.until(empty, "everything is said")


async def test_a_card_is_posted_once_and_edited_in_place(office_on_either):
    office = office_on_either
    await show(office, "D-1001", "planning")
    first = await office.bot_says("checkout", "planning")
    await show(office, "D-1001", "deploying", urgent=True)
    second = await office.bot_says("checkout", "deploying")
    assert second["ts"] == first["ts"]
    assert len(await office.from_bot("checkout")) == 1
    where, ts = await office.gateway.posts.post_of("D-1001")
    assert (where, ts) == (channel(office), first["ts"])
    assert await office.gateway.posts.subject_of(where, ts) == "D-1001"


async def test_many_states_of_a_card_collapse_and_the_last_one_stands(office):
    await show(office, "D-1001", "state 0")
    await office.bot_says("checkout", "state 0")
    for number in range(1, 40):
        await show(office, "D-1001", f"state {number}", final=number == 39)
    await office.bot_says("checkout", "state 39")
    await settled(office)
    assert len(await office.calls("chat.update")) < 10
    assert (await office.from_bot("checkout"))[0]["text"] == "state 39"


async def test_the_same_state_again_is_not_sent_again(office):
    await show(office, "D-1001", "done", final=True)
    await office.bot_says("checkout", "done")
    await show(office, "D-1001", "done", final=True)
    await settled(office)
    assert not await office.calls("chat.update")


async def test_nothing_is_said_of_what_was_rolled_back(office):
    async def undone():
        async with office.store.write() as tx:
            await office.gateway.outbox.post(tx, "k", channel(office), note("never"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    await post(office, "other", "said")
    await office.bot_says("checkout", "said")
    assert len(await office.from_bot("checkout")) == 1


async def test_a_key_is_posted_once_and_messages_keep_their_order(office):
    for number in range(12):
        await post(office, f"k{number}", f"message {number}.")
        await post(office, f"k{number}", f"message {number} again.")
    await office.bot_says("checkout", "message 11.")
    assert [m["text"] for m in await office.from_bot("checkout")] == [f"message {n}." for n in range(12)]


async def test_what_belongs_in_a_thread_waits_for_the_card_and_may_show_in_the_channel(office):
    async with office.store.write() as tx:
        box = office.gateway.outbox
        await box.post(tx, "log", channel(office), note("log line"), in_thread_of="D-1001")
        await box.show(tx, "D-1001", channel(office), note("card"), broadcast=note("it failed"))
        await box.post(tx, "loud", channel(office), note("loud line"), in_thread_of="D-1001", also_to_channel=True)
    await office.bot_says("checkout", "loud line")
    await settled(office)
    said = {m["text"]: m for m in await office.from_bot("checkout")}
    card = said["card"]["ts"]
    assert said["log line"]["thread_ts"] == card
    assert said["loud line"]["thread_ts"] == card
    assert said["loud line"]["subtype"] == "thread_broadcast"
    assert said["it failed"].get("thread_ts") is None
    where = channel(office)
    assert await office.gateway.posts.subject_of(where, said["log line"]["ts"]) == "D-1001"


async def test_a_direct_message_reaches_one_person(office):
    async with office.store.write() as tx:
        await office.gateway.outbox.direct(tx, "ask/ana", person(office, "ana"), note("please approve"))

    async def arrived():
        return await office.direct("ana")

    assert (await office.until(arrived))[0]["text"] == "please approve"
    assert not await office.direct("mia")


async def test_a_question_that_is_answered_stops_asking_wherever_it_was_asked(office):
    ana = person(office, "ana")
    await post(office, "D-1001/ask/1", "approve?")
    asked = await office.bot_says("checkout", "approve?")
    async with office.store.write() as tx:
        await office.gateway.outbox.direct(tx, f"D-1001/ask/1/{ana.key}", ana, note("approve?"))
        await office.gateway.outbox.direct(tx, f"D-1001/ask/10/{ana.key}", ana, note("another question"))
    await settled(office)
    async with office.store.write() as tx:
        await office.gateway.outbox.amend(tx, "D-1001/ask/1", note("approved by @raj"))
    answered = await office.bot_says("checkout", "approved by @raj")
    await settled(office)
    assert answered["ts"] == asked["ts"]
    assert (await row(office, f"direct/D-1001/ask/1/{ana.key}")).payload["message"] == (
        await row(office, "post/D-1001/ask/1")
    ).payload["message"]
    assert len(await office.calls("chat.update")) == 2
    assert (await row(office, f"direct/D-1001/ask/10/{ana.key}")).sent == 1


async def test_a_picture_is_uploaded_first(office):
    async with office.store.write() as tx:
        message = Message(summary="errors", parts=(Picture(PNG, "errors rising", "errors"),))
        await office.gateway.outbox.post(tx, "p", channel(office), message)
    said = await office.bot_says("checkout", "errors")
    assert said["blocks"][0]["slack_file"]["id"].startswith("F")


async def test_a_message_longer_than_fifty_blocks_goes_on_in_its_thread(office):
    message = Message(summary="long", parts=tuple(Paragraph(Markup(f"line {n}.")) for n in range(70)))
    async with office.store.write() as tx:
        await office.gateway.outbox.post(tx, "long", channel(office), message)
    await office.bot_says("checkout", "line 69.")
    first, rest = await office.from_bot("checkout")
    assert "21 more in the thread" in str(first["blocks"][-1])
    assert rest["thread_ts"] == first["ts"]
    assert len(first["blocks"]) == 50


async def test_a_rate_limit_is_honoured_and_nothing_is_lost(office):
    await office.post("faults", method="chat.postMessage", kind="ratelimited", times=1, retry_after=1)
    await post(office, "a", "first")
    await post(office, "b", "second")
    await office.bot_says("checkout", "second")
    assert [m["text"] for m in await office.from_bot("checkout")] == ["first", "second"]
    limited, *rest = await office.calls("chat.postMessage")
    assert rest[0]["at"] - limited["at"] >= 1.0


@pytest.mark.parametrize("kind", ["lost_reply", "drop", "http_500"])
async def test_an_answer_that_is_lost_does_not_post_twice(office, kind):
    await office.post("faults", method="chat.postMessage", kind=kind, times=1)
    await post(office, "a", "exactly once")
    await show(office, "D-1001", "a card")
    await office.bot_says("checkout", "exactly once")
    await office.bot_says("checkout", "a card")
    await settled(office)
    assert sorted(m["text"] for m in await office.from_bot("checkout")) == ["a card", "exactly once"]


async def test_slack_being_away_delays_but_loses_and_repeats_nothing(office):
    await show(office, "D-1001", "before")
    await office.bot_says("checkout", "before")
    await office.post("away", on=True)
    for number in range(5):
        await post(office, f"k{number}", f"message {number}.")
    await show(office, "D-1001", "after", final=True)

    async def noticed():
        return office.gateway.connection.trouble

    trouble = await office.until(noticed, "the trouble is noticed")
    assert not trouble.unauthorised
    assert not (await office.gateway.state()).ok
    await office.post("away", on=False)
    await office.bot_says("checkout", "message 4.")
    await office.bot_says("checkout", "after")
    await settled(office)
    assert [m["text"] for m in await office.from_bot("checkout")] == ["after", *(f"message {n}." for n in range(5))]
    await office.until(reconnected(office), "the socket is back", deadline=30)
    assert (await office.type("mia", "checkout", "/where checkout"))["ok"]


def reconnected(office):
    async def check():
        return office.gateway.link.connected.is_set() and (await office.gateway.state()).ok

    return check


async def test_a_revoked_token_is_told_and_what_waits_goes_when_it_counts_again(office):
    await office.post("faults", method="*", kind="token_revoked", times=1)
    await post(office, "a", "waited")

    async def noticed():
        return office.gateway.connection.trouble

    trouble = await office.until(noticed, "the trouble is noticed")
    assert trouble.unauthorised
    assert "token" in (await office.gateway.state()).detail
    app = next(iter(office.sandbox.platform.apps.installed.values()))
    app.revoked.clear()
    await office.bot_says("checkout", "waited")
    assert len(await office.from_bot("checkout")) == 1


async def test_a_channel_that_refuses_parks_the_message_once_and_the_others_go_on(office):
    await office.post("channels", name="secret", members=["mia"], private=True)
    await post(office, "a", "to nowhere", where="secret")
    await post(office, "b", "to somewhere")
    await office.bot_says("checkout", "to somewhere")

    async def parked():
        return await office.gateway.outbox.parked()

    [(key, reason)] = await office.until(parked)
    assert key == "post/a"
    assert reason.startswith(("not_in_channel", "channel_not_found"))
    assert "refused" in (await office.gateway.state()).detail
    assert len(await office.calls("chat.postMessage")) <= 2


async def test_a_card_that_somebody_deleted_is_posted_anew_once(office):
    await show(office, "D-1001", "one")
    first = await office.bot_says("checkout", "one")
    delete(office, first["ts"])
    await show(office, "D-1001", "two", urgent=True)
    second = await office.bot_says("checkout", "two")
    assert second["ts"] != first["ts"]
    await settled(office)
    delete(office, second["ts"])
    await show(office, "D-1001", "three", urgent=True)
    await settled(office)
    assert (await row(office, "show/D-1001")).state == State.PARKED
    assert not await office.from_bot("checkout")


def delete(office, ts):
    from bot.sandbox import posting  # noqa: PLC0415 - what a person does with a click, and the control API has not

    found = office.sandbox.workspace.find_channel("checkout").messages[ts]
    posting.delete(office.sandbox.platform, found)


async def test_a_channel_shared_with_others_is_left_alone_unless_it_is_allowed(url):
    async with workspace() as office:
        async with connected(office, url):
            await post(office, "a", "internal", where="partners")

            async def parked():
                return await office.gateway.outbox.parked()

            assert "shared with another organisation" in (await office.until(parked))[0][1]
            assert not await office.from_bot("partners")
        async with connected(office, url, shared_channels=(office.channel_id("partners"),)):
            await post(office, "b", "for all", where="partners")
            await office.bot_says("partners", "for all")


async def test_a_storm_is_summed_up_and_every_update_is_named(url):
    async with workspace() as office, connected(office, url, pacing=Pacing(post_every=0.2, post_burst=1)):
        async with office.store.write() as tx:
            for number in range(60):
                await office.gateway.outbox.post(tx, f"k{number}", channel(office), note(f"update {number}."))
            await office.gateway.outbox.post(tx, "u", channel(office), note("approve this"), urgent=True)
        await office.bot_says("checkout", "update 59.", times=1)
        await settled(office)
        said = await office.from_bot("checkout")
        assert said[0]["text"] == "approve this"
        assert len(said) < 15
        everything = str([m["blocks"] for m in said])
        assert all(f"update {number}." in everything for number in range(60))
        assert "more updates, newest" in everything
        assert said[-1]["text"] == "update 59."


async def test_blocks_that_slack_refuses_are_said_in_a_plainer_form(office, monkeypatch):
    steps = Steps("stages", (Step(key="build", title="build #412", state=StepState.ACTIVE),))
    from bot.sandbox.blockkit import blocks as layout  # noqa: PLC0415

    monkeypatch.delitem(layout.IN_MESSAGE, "plan")
    async with office.store.write() as tx:
        await office.gateway.outbox.show(tx, "D-1001", channel(office), Message(summary="card", parts=(steps,)))
    said = await office.bot_says("checkout", "build #412")
    assert said["blocks"][0]["type"] == "section"


async def test_an_edit_leaves_at_once_when_the_channel_is_quiet(office):
    await show(office, "D-1001", "state 0")
    await office.bot_says("checkout", "state 0")
    await settled(office)
    before = (await row(office, "show/D-1001")).sent_at
    await show(office, "D-1001", "state 1")
    await office.bot_says("checkout", "state 1")
    await settled(office)
    after = await row(office, "show/D-1001")
    assert after.sent == 2
    assert after.sent_at > before
    assert after.attempts == 0


async def test_two_processes_on_one_database_share_the_work_without_saying_anything_twice(postgres_url):
    async with workspace() as office, connected(office, postgres_url, owner="one"):
        first = office.gateway
        async with connected(office, postgres_url, owner="two"):
            for number in range(20):
                name = "checkout" if number % 2 else "releases"
                await post(office, f"k{number}", f"message {number}.", where=name)
            await office.bot_says("checkout", "message 19.")
            await office.bot_says("releases", "message 18.")
            await settled(office)
        assert first is not office.gateway
        for name, start in (("checkout", 1), ("releases", 0)):
            texts = [m["text"] for m in await office.from_bot(name)]
            assert texts == [f"message {n}." for n in range(start, 20, 2)]


async def test_closing_finishes_what_is_being_sent(url):
    async with workspace() as office:
        async with connected(office, url):
            await asyncio.gather(*(post(office, f"k{n}", f"message {n}.", where="checkout") for n in range(5)))
        async with connected(office, url):
            await office.bot_says("checkout", "message 4.")
            await settled(office)
            assert len(await office.from_bot("checkout")) == 5
