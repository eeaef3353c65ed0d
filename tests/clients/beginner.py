"""The beginner's app in each language and mode, and the story that people live through with it."""

import asyncio
from typing import Any

from bot.demo.surroundings import free_port
from tests.clients.manifest import manifest
from tests.clients.process import HERE, installed

PROGRAMS = {
    "javascript": ("javascript", "javascript/app.js"),
    "python": ("python", "python/app.py"),
    "sockets": ("python", "python/sockets.py"),
}
"""Of which kind of clients each program is, and where it lies."""


class Beginner:
    """One running app and the people who use it."""

    def __init__(self, people, processes, app):
        self.people = people
        self.processes = processes
        self.app = app
        self.url = ""

    @classmethod
    async def start(cls, people, processes, program, mode, **environment):
        """Install the app, start one of the programs as its process, and wait until the workspace reaches it.

        With the mode `oauth` the app listens as with `http`, but nobody has allowed it yet.
        """
        url = "" if mode == "socket" else f"http://127.0.0.1:{free_port()}"
        wish: dict[str, Any] = {"manifest": manifest(redirect_url=f"{url}/slack/oauth_redirect" if url else "")}
        if mode == "oauth":
            wish |= {"distributed": True}
        app = await people.post("apps", **wish)
        self = cls(people, processes, app)
        given = {"SLACK_API_URL": people.sandbox.api_url, **environment}
        if mode == "socket":
            given |= {"SLACK_BOT_TOKEN": app["bot_token"], "SLACK_APP_TOKEN": app["app_token"]}
        elif mode == "http":
            given |= {"SLACK_BOT_TOKEN": app["bot_token"]}
        else:
            given |= {
                "SLACK_CLIENT_ID": app["client_id"],
                "SLACK_CLIENT_SECRET": app["client_secret"],
                "SLACK_SCOPES": ",".join(wish["manifest"]["oauth_config"]["scopes"]["bot"]),
                "SLACK_AUTHORIZE_URL": f"{people.sandbox.url}/oauth/v2/authorize",
            }
        if url:
            given |= {"SLACK_SIGNING_SECRET": app["signing_secret"], "PORT": url.rpartition(":")[2]}
        kind, path = PROGRAMS[program]
        found = installed(kind)
        await processes.start(found["program"], HERE / path, NODE_PATH=f"{found['path']}/node_modules", **given)
        if url:
            wish |= {"mode": "http", "request_url": f"{url}/slack/events"}
            await processes.until(lambda: self.takes(wish), "the app answers the challenge")
        else:
            await processes.until(self.connections, "the app is connected")
        self.url = url
        return self

    async def takes(self, wish):
        """Install the app again with its request URL, and tell whether it answered the challenge."""
        async with self.people.http.post(f"{self.people.sandbox.url}/_sandbox/apps", json=wish) as answer:
            return answer.status == 200

    async def connections(self):
        """Return how many sockets the app holds."""
        return (await self.people.get("health"))["connections"][self.app["app_id"]]

    async def says(self, text, channel="general", viewer=None):
        """Wait for a message with this text and return it."""

        async def look():
            return next((m for m in await self.people.messages(channel, viewer) if m["text"] == text), None)

        return await self.processes.until(look, repr(text))

    async def write(self, text, user="mia", channel="general"):
        """Write a message as a person and return its time stamp."""
        return (await self.people.post("messages", user=user, channel=channel, text=text))["ts"]

    async def press(self, message, action, user="mia"):
        """Press a button below a message."""
        where = {"channel": message["channel"], "ts": message["ts"]}
        return await self.people.post("actions", user=user, action_id=action, **where)

    async def form(self, user="mia"):
        """Wait for the modal that opens for a person."""

        async def look():
            views = (await self.people.get("views", user=user))["views"]
            return views[-1] if views else None

        return await self.processes.until(look, "the form")

    def person(self, name):
        """Return the id of a person."""
        return self.people.ident(name)

    async def direct(self, user):
        """Return the channel of the direct messages between the app and a person, once there is one."""

        async def look():
            both = {self.person(user), self.app["bot_user_id"]}
            state = await self.people.get("state")
            return next((c["id"] for c in state["channels"] if c["is_im"] and set(c["members"]) == both), None)

        return await self.processes.until(look, "a direct message")


async def greets(beginner):
    """The page everybody begins with: a message, an answer with a button, a click."""
    mia, ana = beginner.person("mia"), beginner.person("ana")
    await beginner.write("hello")
    asked = await beginner.says(f"Hey there <@{mia}>!")
    assert asked["blocks"][0]["accessory"]["text"]["text"] == "Click Me"
    assert (await beginner.press(asked, "button_click", user="ana"))["ack"]["status"] == "ok"
    await beginner.says(f"<@{ana}> clicked the button")


async def talks(beginner):
    """Threads, edits through a response_url, mentions and links."""
    ts = await beginner.write("a thread, please")
    assert (await beginner.says("Down here"))["thread_ts"] == ts
    await beginner.write("let us vote")
    await beginner.press(await beginner.says("Tea?"), "close_vote")
    closed = await beginner.says(f"Closed by <@{beginner.person('mia')}>")
    assert not closed.get("blocks")
    assert "Tea?" not in [m["text"] for m in await beginner.people.messages("general")]
    ts = await beginner.write(f"<@{beginner.app['bot_user_id']}> are you there")
    assert (await beginner.says(f"You called, <@{beginner.person('mia')}>?"))["thread_ts"] == ts


async def shares(beginner):
    """Files by the external upload flow, and reactions both ways."""
    await beginner.write("show me the notes")
    file = (await beginner.says("Here they are"))["files"][0]
    assert file["name"] == "notes.txt"
    token = {"Authorization": f"Bearer {beginner.app['bot_token']}"}
    async with beginner.people.http.get(file["url_private"], headers=token) as answer:
        assert await answer.text() == "Bring a boat.\n"
    ts = await beginner.write("thanks a lot")

    async def waved():
        [message] = [m for m in await beginner.people.messages("general") if m["ts"] == ts]
        return message["reactions"]

    [wave] = await beginner.processes.until(waved, "a wave")
    assert (wave["name"], wave["users"]) == ("wave", [beginner.app["bot_user_id"]])
    await beginner.people.post("reactions", user="ana", channel="general", ts=ts, name="eyes")
    general = beginner.people.sandbox.workspace.find_channel("general")
    link = f"{beginner.people.sandbox.url}/archives/{general.id}/p{ts.replace('.', '')}"
    await beginner.says(f":eyes: on {link}", channel=await beginner.direct("ana"))


async def commands(beginner):
    """Slash commands: an answer that only one sees, pages of a list, and an error of Slack's."""
    await beginner.people.post("commands", user="mia", channel="general", command="/echo", text="one two")
    assert (await beginner.says("one two", viewer="mia"))["ephemeral_to"] == beginner.person("mia")
    assert "one two" not in [m["text"] for m in await beginner.people.messages("general", "ana")]
    await beginner.people.post("commands", user="mia", channel="general", command="/people")
    await beginner.says(f"{len(beginner.people.sandbox.workspace.users)} people", viewer="mia")
    await beginner.people.post("commands", user="mia", channel="general", command="/lost")
    await beginner.says("channel_not_found", viewer="mia")


async def tickets(beginner):
    """A form by command and by shortcut: options as one types, a refusal below a field, a submission, a way out."""
    post = beginner.people.post
    await post("commands", user="mia", channel="general", command="/ticket")
    view = (await beginner.form())["id"]
    offered = await post("options", user="mia", view_id=view, action_id="owner", block_id="owner", value="r")
    assert [one["value"] for one in offered["options"]] == ["Raj"]
    await post("actions", user="mia", view_id=view, action_id="owner", block_id="owner", value="Raj")
    short = await post("views", user="mia", view_id=view, values={"title": {"value": "Oh"}, "owner": {"owner": "Raj"}})
    assert short["error"] == "view_errors"
    assert (await beginner.form())["errors"] == {"title": "Say a little more"}
    await post("views", user="mia", view_id=view, values={"title": {"value": "Oh dear"}, "owner": {"owner": "Raj"}})
    assert (await beginner.people.get("views", user="mia"))["views"] == []
    await beginner.says("Ticket: Oh dear (Raj)", channel=await beginner.direct("mia"))
    await post("shortcuts", user="ana", callback_id="new_ticket")
    await post("views", user="ana", view_id=(await beginner.form("ana"))["id"], close=True)
    await beginner.says("No ticket, then", channel=await beginner.direct("ana"))


async def keeps(beginner):
    """A shortcut on a message, and the home tab."""
    ts = await beginner.write("The pump is behind the shed")
    await beginner.people.post("shortcuts", user="ana", callback_id="note_it", channel="general", ts=ts)
    noted = await beginner.says("Noted: The pump is behind the shed", viewer="ana")
    assert noted["ephemeral_to"] == beginner.person("ana")
    await beginner.people.post("home", user="raj")

    async def home():
        return (await beginner.people.get("home", user="raj"))["view"]

    view = await beginner.processes.until(home, "a home tab")
    assert view["blocks"][0]["text"]["text"] == f"Welcome home, <@{beginner.person('raj')}>"


async def endures(beginner, mode):
    """A rate limit is waited for; new connections are made when the workspace asks, and when they break."""
    await beginner.people.post("faults", method="chat.postMessage", kind="ratelimited", retry_after=1)
    await beginner.write("hello", user="tom")
    await beginner.says(f"Hey there <@{beginner.person('tom')}>!")
    if mode == "socket":
        for how, user in (("disconnect", "raj"), ("drop", "ana")):
            await beginner.people.post(how)  # from then on the old connections count no more
            await beginner.processes.until(beginner.connections, f"a new connection after {how}")
            await beginner.write("hello", user=user)
            await beginner.says(f"Hey there <@{beginner.person(user)}>!")


async def story(beginner, mode):
    """Live through all of it; at the end every delivery has been acknowledged at once."""
    for chapter in (greets, talks, shares, commands, tickets, keeps):
        async with asyncio.timeout(90):
            await chapter(beginner)
    wire = (await beginner.people.get("deliveries"))["deliveries"]
    delivered = [(one["type"], one["response"]["status"], one["retry_num"]) for one in wire if "delivery_id" in one]
    assert len(delivered) > 20
    assert {(status, again) for _, status, again in delivered} == {("ok", 0)}, delivered
    await endures(beginner, mode)
