"""Ferry: a real Bolt app that answers everything the page can do, and remembers what reached it."""

import asyncio
import re
from collections import defaultdict

from slack_bolt.async_app import AsyncApp

SCOPES = [
    "app_mentions:read",
    "bookmarks:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "im:history",
    "im:write",
    "pins:write",
    "reactions:read",
    "users:read",
]

MANIFEST = {
    "display_information": {"name": "Ferry", "description": "Carries things across"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "bot_user": {"display_name": "ferry", "always_online": True},
        "slash_commands": [
            {"command": "/carry", "description": "Carry a thing", "usage_hint": "<thing> [to <shore>]"},
            {"command": "/shores", "description": "Show the shores"},
            {"command": "/form", "description": "Fill a form in"},
            {"command": "/silent", "description": "Say nothing"},
        ],
        "shortcuts": [
            {"name": "Carry something", "type": "global", "callback_id": "carry_any", "description": "Fill a form in"},
            {"name": "Carry this", "type": "message", "callback_id": "carry_this", "description": "Carry what it says"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {
        "event_subscriptions": {"bot_events": ["app_home_opened", "message.channels", "reaction_added"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def option(text, value=None):
    return {"text": plain(text), "value": value or text}


def task(ident, title, status, **more):
    return {"type": "task_card", "task_id": ident, "title": title, "status": status, **more}


CARD = [
    {"type": "header", "block_id": "head", "text": plain("C-1 · coal → north shore")},
    {
        "type": "section",
        "block_id": "what",
        "text": mrkdwn("7 sacks by *Mia* · <https://coal.example/7|bill of lading>"),
    },
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": plain("Approve"),
                "style": "primary",
                "value": "C-1",
                "confirm": {
                    "title": plain("Carry coal?"),
                    "text": mrkdwn("*7 sacks* go north."),
                    "confirm": plain("Carry"),
                    "deny": plain("Not yet"),
                },
            },
            {
                "type": "overflow",
                "action_id": "more",
                "options": [option("Weigh it", "weigh"), option("Throw it away", "throw")],
            },
            {
                "type": "static_select",
                "action_id": "shore",
                "placeholder": plain("Choose a shore"),
                "options": [option("North"), option("South"), option("West")],
            },
        ],
    },
]

UNDERWAY = [
    CARD[0],
    {
        "type": "plan",
        "block_id": "stages",
        "title": "Crossing",
        "tasks": [
            task("load", "load", "complete"),
            task("sail", "sail", "in_progress", details={"type": "rich_text", "elements": []}),
            task("land", "land", "pending"),
        ],
    },
]

FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("Carry a thing"),
    "submit": plain("Carry"),
    "close": plain("Leave"),
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "thing",
            "label": plain("Thing"),
            "hint": plain("One word"),
            "element": {"type": "plain_text_input", "action_id": "name"},
        },
        {
            "type": "input",
            "block_id": "harbour",
            "label": plain("Harbour"),
            "element": {
                "type": "external_select",
                "action_id": "harbour",
                "min_query_length": 2,
                "placeholder": plain("Look a harbour up"),
            },
        },
        {
            "type": "input",
            "block_id": "care",
            "optional": True,
            "label": plain("Care"),
            "element": {
                "type": "checkboxes",
                "action_id": "care",
                "options": [option("Fragile", "fragile"), option("Keep dry", "dry")],
            },
        },
        {
            "type": "actions",
            "block_id": "extras",
            "elements": [
                {"type": "button", "action_id": "add_note", "text": plain("Add a note")},
                {"type": "button", "action_id": "rules", "text": plain("Rules")},
            ],
        },
    ],
}

NOTE = {
    "type": "input",
    "block_id": "note",
    "optional": True,
    "label": plain("Note"),
    "element": {"type": "plain_text_input", "action_id": "note", "multiline": True},
}

RULES = {
    "type": "modal",
    "callback_id": "rules",
    "title": plain("Rules"),
    "close": plain("Back"),
    "blocks": [{"type": "section", "text": mrkdwn("No *cats*.")}],
}

HARBOURS = ("Hamburg", "Harwich", "Haifa", "Oslo")


class Ferry:
    """The app and what it heard: `heard[name]` holds the payloads, newest last."""

    def __init__(self, client):
        self.client = client
        self.heard = defaultdict(list)
        self.every_input = FORM
        self._news = asyncio.Condition()
        self.app = AsyncApp(client=client)
        self._listen()

    async def note(self, name, payload):
        async with self._news:
            self.heard[name].append(payload)
            self._news.notify_all()

    async def told(self, name, count=1):
        """Wait until the app heard this `count` times and return the newest payload."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(lambda: len(self.heard[name]) >= count)
        return self.heard[name][-1]

    async def post(self, channel, **message):
        """Write a message into a channel (its name) and return its ts."""
        answer = await self.client.conversations_list()
        ident = next(one["id"] for one in answer["channels"] if one["name"] == channel)
        posted = await self.client.chat_postMessage(channel=ident, **message)
        return posted["channel"], posted["ts"]

    def _listen(self):
        app = self.app
        app.command("/carry")(self._carry)
        app.command("/shores")(self._shores)
        app.command("/form")(self._open_form)
        app.command("/silent")(self._silent)
        app.shortcut(re.compile("carry_"))(self._open_form)
        app.action("approve")(self._approve)
        app.action("add_note")(self._add_note)
        app.action("rules")(self._push_rules)
        app.action("every_input")(self._every_input)
        app.action(re.compile(".*"))(self._any_action)
        app.options("harbour")(self._harbours)
        app.view("form")(self._submitted)
        app.view("every")(self._every_submitted)
        app.view_closed("form")(self._closed)
        app.event("app_home_opened")(self._home)
        app.event(re.compile(".*"))(self._event)

    async def _carry(self, ack, body):
        await ack()
        await self.note("/carry", body)
        await self.client.chat_postMessage(
            channel=body["channel_id"], text=f"C-1: {body['text']} to the north shore", blocks=CARD
        )

    async def _shores(self, ack, body):
        cells = [[{"type": "raw_text", "text": text} for text in row] for row in (("shore", "sacks"), ("North", "7"))]
        await ack(response_type="ephemeral", text="North 7", blocks=[{"type": "table", "rows": cells}])
        await self.note("/shores", body)

    async def _silent(self, body):
        await self.note("/silent", body)

    async def _open_form(self, ack, body):
        await ack()
        await self.client.views_open(trigger_id=body["trigger_id"], view=FORM)
        await self.note("form opened", body)

    async def _approve(self, ack, body):
        await ack()
        await self.client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="C-1 under way", blocks=UNDERWAY
        )
        await self.note("approve", body)

    async def _add_note(self, ack, body):
        await ack()
        view = body["view"]
        await self.client.views_update(
            view_id=view["id"], hash=view["hash"], view={**FORM, "blocks": [*FORM["blocks"][:3], NOTE]}
        )
        await self.note("add_note", body)

    async def _push_rules(self, ack, body):
        await ack()
        await self.client.views_push(trigger_id=body["trigger_id"], view=RULES)

    async def _every_input(self, ack, body):
        await ack()
        await self.client.views_open(trigger_id=body["trigger_id"], view=self.every_input)

    async def _any_action(self, ack, body):
        await ack()
        await self.note(body["actions"][0]["action_id"], body)

    async def _harbours(self, ack, payload):
        typed = payload["value"].lower()
        await ack(options=[option(name, name.lower()) for name in HARBOURS if name.lower().startswith(typed)])

    async def _submitted(self, ack, body, view):
        thing = view["state"]["values"]["thing"]["name"]["value"]
        if " " in thing:
            await ack(response_action="errors", errors={"thing": "One word, please."})
        else:
            await ack()
        await self.note("submitted", body)

    async def _every_submitted(self, ack, body):
        await ack()
        await self.note("every", body)

    async def _closed(self, ack, body):
        await ack()
        await self.note("closed", body)

    async def _home(self, event):
        greeting = {"type": "section", "text": mrkdwn(f"Ahoy <@{event['user']}>, *2 crossings* wait.")}
        await self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [greeting]})
        await self.note("home", event)

    async def _event(self, event):
        await self.note(event["type"], event)
