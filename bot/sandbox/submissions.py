"""Submitting and closing modals.

Reference: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.blockkit import view_content
from bot.sandbox.elements import Placed, is_empty, placed_elements, value_object
from bot.sandbox.errors import ControlError, Json, SlackError
from bot.sandbox.interactions import Source, base
from bot.sandbox.model import User
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform
from bot.sandbox.views import View, new_view

_REQUIRED = "Please complete this required field."
_TROUBLE = "We had some trouble connecting. Try again?"


def enter(source: Source, values: Mapping[str, object]) -> None:
    """Put plain values into a view's inputs: `{block_id: {action_id: value}}`, or `{block_id: value}` for one element.

    Raises `ControlError` for blocks and elements that are not there.
    """
    view = source.view
    if view is None:
        raise TypeError("only views have inputs to fill")
    elements = list(placed_elements(source.blocks))
    for block_id, given in values.items():
        inside = [placed for placed in elements if placed.block_id == block_id]
        if not inside:
            known = ", ".join(dict.fromkeys(placed.block_id for placed in elements)) or "none"
            raise ControlError("block_not_found", f"values: no block {block_id!r} with elements; there are: {known}")
        by_action = given if isinstance(given, dict) else {inside[0].action_id: given}
        for action_id, plain in by_action.items():
            placed = next((placed for placed in inside if placed.action_id == action_id), None)
            if placed is None:
                known = ", ".join(placed.action_id for placed in inside)
                raise ControlError(
                    "action_not_found", f"values.{block_id}: no element {action_id!r}; there are: {known}"
                )
            view.values.setdefault(block_id, {})[action_id] = value_object(placed, plain)


def input_errors(view: View) -> dict[str, str]:
    """Return what Slack's client refuses before the app is asked: block id -> sentence."""
    return dict(_input_errors(view))


def _input_errors(view: View) -> Iterator[tuple[str, str]]:
    for placed in placed_elements(view.blocks):
        if placed.block.get("type") != "input":
            continue
        value = view.values.get(placed.block_id, {}).get(placed.action_id, {})
        if is_empty(value):
            if not placed.block.get("optional"):
                yield placed.block_id, _REQUIRED
            continue
        problem = _format_error(placed, value)
        if problem:
            yield placed.block_id, problem


def _format_error(placed: Placed, value: Json) -> str:
    held, element = value.get("value"), placed.element
    if not isinstance(held, str):
        return ""
    if placed.type == "plain_text_input":
        shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
        if len(held) < shortest:
            return f"Enter at least {shortest} characters."
        return f"Enter at most {longest} characters." if len(held) > longest else ""
    if placed.type == "email_text_input" and "@" not in held:
        return "Enter a valid e-mail address."
    if placed.type == "url_text_input" and not held.startswith(("http://", "https://")):
        return "Enter a valid URL."
    return _number_error(held, element) if placed.type == "number_input" else ""


def _number_error(held: str, element: Json) -> str:
    try:
        entered = float(held)
    except ValueError:
        return "Enter a number."
    if not element.get("is_decimal_allowed") and not entered.is_integer():
        return "Enter a whole number."
    if (low := element.get("min_value")) is not None and entered < float(low):
        return f"Enter a number from {low}."
    if (high := element.get("max_value")) is not None and entered > float(high):
        return f"Enter a number up to {high}."
    return ""


async def submit(platform: Platform, user: User, source: Source, values: Mapping[str, object]) -> Outcome:
    """Fill a modal and submit it; the app's `response_action` decides what the person sees next.

    The outcome's details hold `errors` (block id -> sentence) and `view` (what is shown now, or None).
    """
    view = source.view
    if view is None or view.type != "modal":
        raise ControlError("not_a_modal", "view_id: only modals can be submitted")
    if platform.views.stacks.get(user.id, [view])[-1] is not view:
        raise ControlError(
            "not_on_top", f"view_id: {view.id} is covered by another view; submit or close that one first"
        )
    enter(source, values)
    view.errors = input_errors(view)
    if view.errors:
        platform.views.touch(view)
        return Outcome(error="invalid_inputs", details={"errors": view.errors, "view": view.wire()})
    body = base(platform, source.app, user, "view_submission", view.id)
    body |= {"view": view.wire(), "response_urls": _response_urls(platform, view)}
    delivery = await platform.deliveries.send(source.app, "interactive", "view_submission", body)
    outcome = Outcome([delivery])
    ack = delivery.ack
    if ack is None or not ack.ok:
        outcome.error = "operation_timeout" if ack is not None and ack.status == "timeout" else "dispatch_failed"
        view.errors = {"": _TROUBLE}
    else:
        _react(platform, view, ack.body, outcome)
    platform.views.touch(view)
    top = platform.views.stacks.get(user.id, [None])[-1]
    outcome.details = {"errors": view.errors, "view": top.wire() if top else None}
    return outcome


def _react(platform: Platform, view: View, body: object, outcome: Outcome) -> None:
    """Carry out a `response_action` (https://docs.slack.dev/surfaces/modals#updating_response)."""
    answer: dict[str, Any] = body if isinstance(body, dict) else {}
    action = answer.get("response_action")
    try:
        if action is None:
            platform.views.close(view)
        elif action == "clear":
            platform.views.clear(view.user)
        elif action == "errors":
            _show_errors(view, answer.get("errors"), outcome)
        elif action == "update":
            platform.views.update(view, view_content(answer.get("view")))
        elif action == "push":
            content = view_content(answer.get("view"))
            platform.views.push(new_view(view.app_id, view.bot_id, view.user, view.team_id, content))
        else:
            outcome.error = "invalid_response_action"
    except SlackError as error:
        outcome.error = error.code
        outcome.details["messages"] = list(error.messages)
    if outcome.error and outcome.error != "view_errors":
        view.errors = {"": _TROUBLE}


def _show_errors(view: View, errors: object, outcome: Outcome) -> None:
    """Show the app's errors below the inputs they name; a name without an input block makes Slack refuse them all."""
    inputs = {str(block.get("block_id")) for block in view.blocks if block.get("type") == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        outcome.error = "invalid_response_errors"
        return
    view.errors = {str(key): str(value) for key, value in errors.items()}
    outcome.error = "view_errors"


def _response_urls(platform: Platform, view: View) -> list[Json]:
    """Return a response URL for each channel chosen in a menu with `response_url_enabled`."""
    urls: list[Json] = []
    for placed in placed_elements(view.blocks):
        if not placed.element.get("response_url_enabled"):
            continue
        value = view.values.get(placed.block_id, {}).get(placed.action_id, {})
        chosen = value.get("selected_conversation") or value.get("selected_channel")
        if chosen in platform.workspace.channels:
            key = platform.tickets.response(view.app_id, view.user, chosen)
            urls.append(
                {
                    "block_id": placed.block_id,
                    "action_id": placed.action_id,
                    "channel_id": chosen,
                    "response_url": f"{platform.base_url}/response/{view.app_id}/{key}",
                }
            )
    return urls


async def close(platform: Platform, user: User, source: Source, *, clear: bool) -> Outcome:
    """Close a modal, or with `clear` the whole stack; the app hears of it when it asked (`notify_on_close`).

    Reference: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_closed
    """
    view = source.view
    if view is None or view.type != "modal":
        raise ControlError("not_a_modal", "view_id: only modals can be closed")
    is_cleared = clear or bool(view.content.get("clear_on_close"))
    closed = platform.views.clear(user.id) if is_cleared else [view]
    if not is_cleared:
        platform.views.close(view)
    outcome = Outcome()
    for gone in reversed(closed):
        if gone.content.get("notify_on_close"):
            body = base(platform, source.app, user, "view_closed")
            body.pop("trigger_id")
            body |= {"view": gone.wire(), "is_cleared": is_cleared}
            sent = await platform.deliveries.send(
                source.app, "interactive", "view_closed", body, accepts_response=False
            )
            outcome.deliveries.append(sent)
    return outcome
