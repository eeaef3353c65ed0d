"""Modals and App Home through a real Bolt app."""

import asyncio

import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.conftest import bolt, running
from tests.sandbox.desk import DEADLINE


def words(text):
    return {"type": "plain_text", "text": text}


def modal(title="Ship", **more):
    blocks = [
        {
            "type": "input",
            "block_id": "name",
            "label": words("Name"),
            "element": {"type": "plain_text_input", "action_id": "text", "min_length": 2},
        },
        {
            "type": "input",
            "block_id": "place",
            "optional": True,
            "label": words("Place"),
            "element": {
                "type": "static_select",
                "action_id": "menu",
                "options": [{"text": words(one), "value": one} for one in ("staging", "production")],
            },
        },
    ]
    return {
        "type": "modal",
        "callback_id": "ship",
        "title": words(title),
        "submit": words("Go"),
        "blocks": blocks,
        **more,
    }


def opens(view):
    def listeners(app):
        @app.command("/ship")
        async def _(ack, client, command):
            await ack()
            await client.views_open(trigger_id=command["trigger_id"], view=view)

    return listeners


async def open_modal(desk):
    await desk.post("commands", user="mia", channel="checkout", command="/ship")
    return await desk.view("mia")


async def test_submit_with_errors_and_then_without(desk):
    seen = []

    def listeners(app):
        opens(modal())(app)

        @app.view("ship")
        async def _(ack, view, body):
            seen.append(body)
            if view["state"]["values"]["name"]["text"]["value"] == "bad":
                await ack(response_action="errors", errors={"name": "no such thing"})
            else:
                await ack()

    async with bolt(desk, listeners):
        view = await open_modal(desk)
        refused = await desk.post("views", user="mia", view_id=view["id"], values={"name": {"text": "bad"}})
        assert refused["errors"] == {"name": "no such thing"}
        shown = await desk.get(f"views/{view['id']}")
        assert shown["errors"] == {"name": "no such thing"}
        done = await desk.post(
            "views", user="mia", view_id=view["id"], values={"name": {"text": "good"}, "place": {"menu": "staging"}}
        )
    assert (done["ok"], done["errors"], done["view"]) == (True, {}, None)
    assert seen[1]["view"]["state"]["values"] == {
        "name": {"text": {"type": "plain_text_input", "value": "good"}},
        "place": {"menu": {"type": "static_select", "selected_option": {"text": words("staging"), "value": "staging"}}},
    }
    await desk.get(f"views/{view['id']}", 404)


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({}, {"name": "Please complete this required field."}),
        ({"name": {"text": "x"}}, {"name": "Enter at least 2 characters."}),
    ],
    ids=["required", "too short"],
)
async def test_client_checks_come_before_the_app(desk, values, errors):
    async with bolt(desk, opens(modal())):
        view = await open_modal(desk)
        answer = await desk.post("views", user="mia", view_id=view["id"], values=values)
    assert (answer["ok"], answer["delivered"], answer["errors"]) == (False, [], errors)


async def test_update_push_and_clear_by_acknowledgement(desk):
    def listeners(app):
        opens(modal())(app)

        @app.view("ship")
        async def _(ack, view):
            step = view["private_metadata"]
            following = modal("Step", private_metadata={"": "1", "1": "2"}.get(step, "3"))
            if step == "2":
                await ack(response_action="clear")
            else:
                await ack(response_action={"": "update", "1": "push"}[step], view=following)

    async with bolt(desk, listeners):
        first = await open_modal(desk)
        values = {"name": {"text": "boxes"}}
        updated = (await desk.post("views", user="mia", view_id=first["id"], values=values))["view"]
        assert (updated["id"], updated["private_metadata"]) == (first["id"], "1")
        assert updated["state"]["values"]["name"]["text"]["value"] == "boxes"
        assert updated["hash"] != first["hash"]
        pushed = (await desk.post("views", user="mia", view_id=first["id"], values=values))["view"]
        assert (pushed["root_view_id"], pushed["previous_view_id"]) == (first["id"], first["id"])
        covered = await desk.post("views", 400, user="mia", view_id=first["id"], values=values)
        assert covered["error"] == "not_on_top"
        assert (await desk.post("views", user="mia", view_id=pushed["id"], values=values))["view"] is None


async def test_push_from_a_button_and_at_most_three_views(desk):
    pushing = modal()
    button = {"type": "button", "action_id": "more", "text": words("More")}
    pushing["blocks"].append({"type": "actions", "elements": [button]})
    outcomes: asyncio.Queue[str] = asyncio.Queue()

    def listeners(app):
        opens(pushing)(app)

        @app.action("more")
        async def _(ack, client, body):
            await ack()
            try:
                pushed = await client.views_push(trigger_id=body["trigger_id"], view=pushing)
                outcomes.put_nowait(pushed["view"]["id"])
            except SlackApiError as error:
                outcomes.put_nowait(error.response["error"])

    async with bolt(desk, listeners), asyncio.timeout(DEADLINE):
        ids = [(await open_modal(desk))["id"]]
        for _ in range(3):
            await desk.post("actions", user="mia", view_id=ids[-1], action_id="more")
            ids.append(await outcomes.get())
    assert ids[3] == "push_limit_reached"
    assert len(set(ids)) == 4


@pytest.mark.parametrize("notify", [True, False])
async def test_view_closed_is_sent_when_it_was_asked_for(desk, notify):
    seen = []

    def listeners(app):
        opens(modal(notify_on_close=notify))(app)

        @app.view_closed("ship")
        async def _(ack, body):
            seen.append(body)
            await ack()

    async with bolt(desk, listeners):
        view = await open_modal(desk)
        answer = await desk.post("views", user="mia", view_id=view["id"], close=True)
    assert len(answer["delivered"]) == len(seen) == int(notify)
    if notify:
        assert (seen[0]["type"], seen[0]["is_cleared"], seen[0]["view"]["id"]) == ("view_closed", False, view["id"])


async def test_views_update_by_id_hash_and_external_id(desk):
    async with bolt(desk, opens(modal(external_id="mine"))) as (_, client, _):
        view = await open_modal(desk)
        updated = await client.views_update(
            view_id=view["id"], hash=view["hash"], view=modal("New", external_id="mine")
        )
        assert updated["view"]["title"]["text"] == "New"
        with pytest.raises(SlackApiError, match="hash_conflict"):
            await client.views_update(view_id=view["id"], hash=view["hash"], view=modal("Newer"))
        again = await client.views_update(external_id="mine", view=modal("Newest"))
        assert again["view"]["id"] == view["id"]
        with pytest.raises(SlackApiError, match="not_found"):
            await client.views_update(view_id="V000", view=modal())


async def test_trigger_ids_expire_and_open_one_view(clock):
    async with running(clock=clock) as desk, bolt(desk) as (app, client, _):

        @app.command("/ship")
        async def _(ack):
            await ack()

        async def trigger():
            answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
            return answer["delivered"][0]["payload"]["trigger_id"]

        late = await trigger()
        clock.advance(3.1)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await client.views_open(trigger_id=late, view=modal())
        used = await trigger()
        clock.advance(2.9)
        await client.views_open(trigger_id=used, view=modal())
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await client.views_open(trigger_id=used, view=modal())
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            await client.views_open(trigger_id="1.2.abc", view=modal())


async def test_home_is_told_to_the_app_and_published(desk):
    def listeners(app):
        @app.event("app_home_opened")
        async def _(event, client):
            await client.views_publish(
                user_id=event["user"],
                view={"type": "home", "blocks": [{"type": "section", "text": words(f"tab {event['tab']}")}]},
            )

    async with bolt(desk, listeners):
        assert (await desk.get("home", user="mia"))["view"] is None
        await desk.post("events", type="app_home_opened", user="mia")

        async def look():
            return (await desk.get("home", user="mia"))["view"]

        home = await desk.until(look)
    assert home["blocks"][0]["text"]["text"] == "tab home"
    assert (await desk.get("home", user="ana"))["view"] is None


async def test_view_that_slack_refuses(client, desk, installed):
    trigger = desk.sandbox.platform.tickets.trigger(installed.id, desk.sandbox.workspace.find_user("mia").id)
    with pytest.raises(SlackApiError) as caught:
        await client.views_open(trigger_id=trigger, view=modal("x" * 25))
    assert caught.value.response["error"] == "invalid_arguments"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] failed to match all allowed schemas [json-pointer:/view]",
        "[ERROR] failed to match all allowed schemas [json-pointer:/view/title]",
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]",
    ]


async def test_an_external_id_is_for_one_view(desk, client):
    mia, ana = (desk.sandbox.workspace.find_user(name).id for name in ("mia", "ana"))
    home = {"type": "home", "external_id": "one", "blocks": []}
    await client.views_publish(user_id=mia, view=home)
    await client.views_publish(user_id=mia, view=home)
    with pytest.raises(SlackApiError, match="duplicate_external_id"):
        await client.views_publish(user_id=ana, view=home)
    other = (await client.views_publish(user_id=ana, view={**home, "external_id": "two"}))["view"]
    with pytest.raises(SlackApiError, match="duplicate_external_id"):
        await client.views_update(view_id=other["id"], view=home)
    found = await client.views_update(external_id="two", view={**home, "external_id": "two", "callback_id": "x"})
    assert (found["view"]["id"], found["view"]["callback_id"]) == (other["id"], "x")
