"""What people enter into modals, what Slack's client refuses of it, and what apps may answer."""

import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.conftest import bolt, running
from tests.sandbox.test_modals import modal, opens, words


def with_input(element, **more):
    block = {
        "type": "input",
        "block_id": "b",
        "label": words("Label"),
        "element": {"action_id": "a", **element},
        **more,
    }
    return modal() | {"blocks": [block]}


async def submitted(desk, view, values, answer=None):
    """Open a modal, submit it, and return what the control API says and the payload the app got."""
    seen = []

    def listeners(app):
        opens(view)(app)

        @app.view("ship")
        async def _(ack, body):
            seen.append(body)
            await ack(**(answer or {}))

    async with bolt(desk, listeners):
        await desk.post("commands", user="mia", channel="checkout", command="/ship")
        shown = await desk.view("mia")
        result = await desk.post("views", user="mia", view_id=shown["id"], values=values)
    return result, seen


NUMBER = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}


@pytest.mark.parametrize(
    ("element", "value", "error"),
    [
        (NUMBER, "x", "Enter a number."),
        (NUMBER, "1.5", "Enter a whole number."),
        (NUMBER, "0", "Enter a number from 1."),
        (NUMBER, 10, "Enter a number up to 9."),
        ({"type": "email_text_input"}, "mia", "Enter a valid e-mail address."),
        ({"type": "url_text_input"}, "javascript:alert(1)", "Enter a valid URL."),
        ({"type": "plain_text_input", "max_length": 3}, "four", "Enter at most 3 characters."),
        ({"type": "multi_users_select"}, [], "Please complete this required field."),
        ({"type": "datepicker"}, None, "Please complete this required field."),
    ],
    ids=["words", "fraction", "low", "high", "e-mail", "url", "long", "nobody", "no date"],
)
async def test_refused_by_the_client(desk, element, value, error):
    result, seen = await submitted(desk, with_input(element), {"b": {"a": value}})
    assert (result["error"], result["errors"], seen) == ("invalid_inputs", {"b": error}, [])


@pytest.mark.parametrize(
    ("element", "value", "held"),
    [
        (NUMBER, 5, {"value": "5"}),
        ({"type": "email_text_input"}, "mia@acme.example", {"value": "mia@acme.example"}),
        ({"type": "url_text_input"}, "https://acme.example", {"value": "https://acme.example"}),
        ({"type": "plain_text_input", "initial_value": "given"}, "changed", {"value": "changed"}),
        ({"type": "multi_users_select", "max_selected_items": 2}, ["U1", "U2"], {"selected_users": ["U1", "U2"]}),
        ({"type": "external_select"}, "x", {"selected_option": {"text": words("x") | {"emoji": True}, "value": "x"}}),
        ({"type": "timepicker"}, {"a": {"type": "timepicker", "selected_time": "9:00"}}, {"selected_time": "9:00"}),
        ({"type": "file_input"}, ["F1"], {"files": ["F1"]}),
    ],
    ids=["number", "e-mail", "url", "text", "users", "external", "value object", "files"],
)  # fmt: skip
async def test_taken_and_delivered(desk, element, value, held):
    result, (body,) = await submitted(desk, with_input(element), {"b": value})
    assert result["ok"]
    assert body["view"]["state"]["values"]["b"]["a"] == {"type": element["type"], **held}
    assert body["type"] == "view_submission"
    assert body["trigger_id"]


async def test_initial_values_count_when_nothing_is_entered(desk):
    element = {"type": "plain_text_input", "initial_value": "given"}
    _, (body,) = await submitted(desk, with_input(element), {})
    assert body["view"]["state"]["values"]["b"]["a"]["value"] == "given"


async def test_optional_input_may_stay_empty(desk):
    _, (body,) = await submitted(desk, with_input({"type": "datepicker"}, optional=True), {})
    assert body["view"]["state"]["values"]["b"]["a"] == {"type": "datepicker", "selected_date": None}


@pytest.mark.parametrize(
    ("values", "code", "named"),
    [
        ({"c": "x"}, "block_not_found", "there are: b"),
        ({"b": {"z": "x"}}, "action_not_found", "there are: a"),
        ({"b": {"a": "nope"}}, "invalid_value", "there are: yes"),
        ([], "invalid_field", "values"),
    ],
    ids=["block", "action", "option", "shape"],
)
async def test_values_that_do_not_fit(desk, values, code, named):
    element = {"type": "static_select", "options": [{"text": words("Yes"), "value": "yes"}]}
    async with bolt(desk, opens(with_input(element))):
        await desk.post("commands", user="mia", channel="checkout", command="/ship")
        shown = await desk.view("mia")
        if values == []:
            values = ["b"]
        refused = await desk.post("views", 400, user="mia", view_id=shown["id"], values=values)
        other = await desk.post("views", 400, user="ana", view_id=shown["id"])
    assert (refused["error"], other["error"]) == (code, "view_not_found")
    assert named in refused["message"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"response_action": "errors", "errors": {"nowhere": "x"}}, "invalid_response_errors"),
        ({"response_action": "dance"}, "invalid_response_action"),
        ({"response_action": "update", "view": {"type": "modal"}}, "invalid_arguments"),
    ],
    ids=["unknown block", "unknown action", "faulty view"],
)
async def test_answers_that_slack_refuses(desk, answer, code):
    result, _ = await submitted(desk, with_input({"type": "plain_text_input"}), {"b": "x"}, answer)
    assert (result["ok"], result["error"]) == (False, code)
    assert result["errors"] == {"": "We had some trouble connecting. Try again?"}
    assert result["view"]["id"]


async def test_response_urls_for_a_chosen_conversation(desk):
    element = {"type": "conversations_select", "response_url_enabled": True}
    channel = desk.sandbox.workspace.find_channel("releases").id
    _, (body,) = await submitted(desk, with_input(element), {"b": channel})
    (url,) = body["response_urls"]
    assert (url["channel_id"], url["block_id"], url["action_id"]) == (channel, "b", "a")
    assert url["response_url"].startswith(desk.sandbox.url)


async def test_submission_without_an_answer_keeps_the_view():
    view = with_input({"type": "plain_text_input"})
    async with running(ack_timeout=0.05) as desk, bolt(desk, opens(view)):
        await desk.post("commands", user="mia", channel="checkout", command="/ship")
        shown = await desk.view("mia")
        result = await desk.post("views", user="mia", view_id=shown["id"], values={"b": "x"})
    assert (result["error"], result["view"]["id"]) == ("operation_timeout", shown["id"])
    assert result["message"] == "The app did not respond in time."


async def test_choice_in_an_input_block_is_kept_and_told_only_when_it_dispatches(desk):
    view = with_input({"type": "plain_text_input"})
    view["blocks"].append({**view["blocks"][0], "block_id": "loud", "dispatch_action": True})
    async with bolt(desk, opens(view)) as (app, _, _):

        @app.action("a")
        async def _(ack):
            await ack()

        await desk.post("commands", user="mia", channel="checkout", command="/ship")
        shown = await desk.view("mia")
        quiet = await desk.post("actions", user="mia", view_id=shown["id"], action_id="a", block_id="b", value="x")
        loud = await desk.post("actions", user="mia", view_id=shown["id"], action_id="a", block_id="loud", value="y")
        values = (await desk.get(f"views/{shown['id']}"))["state"]["values"]
    assert quiet["delivered"] == []
    (delivery,) = loud["delivered"]
    assert delivery["payload"]["container"] == {"type": "view", "view_id": shown["id"]}
    assert (values["b"]["a"]["value"], values["loud"]["a"]["value"]) == ("x", "y")


async def test_clear_closes_the_whole_stack(desk, installed):
    views, mia = desk.sandbox.platform.views, desk.sandbox.workspace.find_user("mia").id
    async with bolt(desk, opens(modal(notify_on_close=True))) as (app, client, _):

        @app.view_closed("ship")
        async def _(ack):
            await ack()

        answer = await desk.post("commands", user="mia", channel="checkout", command="/ship")
        shown = await desk.view("mia")
        app_id = answer["delivered"][0]["app_id"]
        trigger = desk.sandbox.platform.tickets.trigger(app_id, mia, shown["id"])
        pushed = (await client.views_push(trigger_id=trigger, view=modal(notify_on_close=True)))["view"]
        closed = await desk.post("views", user="mia", view_id=pushed["id"], clear=True)
    assert [one["payload"]["view"]["id"] for one in closed["delivered"]] == [pushed["id"], shown["id"]]
    assert all(one["payload"]["is_cleared"] for one in closed["delivered"])
    assert mia not in views.stacks


async def test_homes_and_views_that_slack_refuses(desk, client, installed):
    mia = desk.sandbox.workspace.find_user("mia").id
    home = {"type": "home", "blocks": []}
    first = (await client.views_publish(user_id=mia, view=home))["view"]
    again = (await client.views_publish(user_id=mia, view=home, hash=first["hash"]))["view"]
    assert again["id"] == first["id"]
    for arguments, error in [
        ({"user_id": mia, "view": home, "hash": "old"}, "hash_conflict"),
        ({"user_id": "U0", "view": home}, "invalid_arguments"),
        ({"user_id": mia, "view": modal()}, "invalid_arguments"),
    ]:
        with pytest.raises(SlackApiError) as caught:
            await client.views_publish(**arguments)
        assert caught.value.response["error"] == error
    trigger = desk.sandbox.platform.tickets.trigger(installed.id, mia)
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_push(trigger_id=trigger, view=modal())
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.views_open(trigger_id="", view=modal())
