"""Modals and App Homes: which views are open for whom.

Reference: https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/surfaces/app-home
"""

import copy
import secrets
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.changes import Changes
from bot.sandbox.clock import Clock
from bot.sandbox.elements import carried_over, initial_values
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_id

MAX_STACK = 3
"""A modal holds up to three views at a time."""

_TEXTS = ("private_metadata", "callback_id", "external_id")
_FLAGS = ("clear_on_close", "notify_on_close", "submit_disabled")


@dataclass(slots=True)
class View:
    """One view as one person sees it; `content` is what the app sent, `values` what the person has entered."""

    id: str
    app_id: str
    bot_id: str
    user: str
    team_id: str
    content: Json
    root_id: str
    previous_id: str = ""
    hash: str = ""
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    response_urls: list[Json] = field(default_factory=list)

    @property
    def type(self) -> str:
        """Return `modal` or `home`."""
        return str(self.content.get("type", "modal"))

    @property
    def blocks(self) -> list[Json]:
        """Return the view's blocks."""
        return list(self.content.get("blocks", []))

    def wire(self) -> Json:
        """Return the view object (https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload)."""
        content = self.content
        return {
            "id": self.id,
            "team_id": self.team_id,
            "app_id": self.app_id,
            "app_installed_team_id": self.team_id,
            "bot_id": self.bot_id,
            "type": self.type,
            "title": content.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            "submit": content.get("submit"),
            "close": content.get("close"),
            "blocks": self.blocks,
            **{key: content.get(key) or "" for key in _TEXTS},
            **{key: bool(content.get(key, False)) for key in _FLAGS},
            "state": {"values": copy.deepcopy(self.values)},
            "hash": self.hash,
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id or None,
        }


class Views:
    """Stacks of open modals, one per person, and one home per person and app."""

    def __init__(self, clock: Clock, changes: Changes) -> None:
        """Start with none open."""
        self._clock = clock
        self._changes = changes
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[tuple[str, str], View] = {}

    def find(self, ident: str) -> View | None:
        """Return the open modal or the published home with this id."""
        for stack in self.stacks.values():
            for view in stack:
                if view.id == ident:
                    return view
        return next((home for home in self.homes.values() if home.id == ident), None)

    def find_external(self, external_id: str, app_id: str) -> View | None:
        """Return the open view the app gave this id of its own."""
        everything = [view for stack in self.stacks.values() for view in stack] + list(self.homes.values())
        return next((v for v in everything if v.content.get("external_id") == external_id and v.app_id == app_id), None)

    def open(self, view: View) -> View:
        """Show a new modal; one of the same person that was open before is gone."""
        self._check_external(view, view.content)
        self.stacks[view.user] = [view]
        return self._shown(view)

    def push(self, view: View) -> View:
        """Put a view on top of the person's modal; raises `SlackError` when none is open or three are."""
        stack = self.stacks.get(view.user, [])
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= MAX_STACK:
            raise SlackError("push_limit_reached")
        self._check_external(view, view.content)
        view.root_id, view.previous_id = stack[0].id, stack[-1].id
        stack.append(view)
        return self._shown(view)

    def update(self, view: View, content: Json) -> View:
        """Replace a view's content; what the person entered stays where block id and action id stay.

        Raises `SlackError` `duplicate_external_id` when another view of the app has the new external id.
        """
        self._check_external(view, content)
        view.content = content
        view.values = carried_over(view.values, view.blocks)
        view.errors = {}
        return self._shown(view)

    def publish(self, view: View) -> View:
        """Show a home tab; it keeps its id from one publication to the next; raises `SlackError` as `update` does."""
        old = self.homes.get((view.app_id, view.user))
        if old is not None:
            view.id = view.root_id = old.id
        self._check_external(view, view.content)
        self.homes[view.app_id, view.user] = view
        view.hash = self._hash()
        view.values = initial_values(view.blocks)
        self._changes.publish("home", user=view.user, view_id=view.id)
        return view

    def close(self, view: View) -> None:
        """Take a view off its stack, together with what lies above it; a closed root closes the modal."""
        stack = self.stacks.get(view.user, [])
        if view in stack:
            del stack[stack.index(view) :]
        if not stack:
            self.stacks.pop(view.user, None)
        self._changes.publish("view", user=view.user, view_id=view.id)

    def clear(self, user: str) -> list[View]:
        """Close the person's whole modal and return what was open, topmost last."""
        stack = self.stacks.pop(user, [])
        self._changes.publish("view", user=user)
        return stack

    def touch(self, view: View) -> None:
        """Tell pages that the view shows something new."""
        self._changes.publish("view", user=view.user, view_id=view.id)

    def _shown(self, view: View) -> View:
        view.hash = self._hash()
        if not view.values:
            view.values = initial_values(view.blocks)
        self._changes.publish("home" if view.type == "home" else "view", user=view.user, view_id=view.id)
        return view

    def _hash(self) -> str:
        return f"{int(self._clock())}.{secrets.token_hex(4)}"

    def _check_external(self, view: View, content: Json) -> None:
        external = content.get("external_id")
        holder = self.find_external(str(external), view.app_id) if external else None
        if holder is not None and holder is not view and holder.id != view.id:
            raise SlackError("duplicate_external_id")


def new_view(app_id: str, bot_id: str, user: str, team_id: str, content: Json) -> View:
    """Return a view that is not shown yet."""
    ident = new_id("V")
    return View(ident, app_id, bot_id, user, team_id, content, root_id=ident)
