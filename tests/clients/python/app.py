"""The first app of somebody who reads Bolt's guide, with what the guide's next pages add to it.

It knows only its tokens and where Slack is. SLACK_APP_TOKEN chooses Socket Mode; otherwise it listens on PORT. With
SLACK_CLIENT_ID, which Bolt reads itself, it has no token yet: people install it at /slack/install.
"""

import os

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.oauth.state_store import FileOAuthStateStore

web = WebClient(token=os.environ.get("SLACK_BOT_TOKEN"), base_url=os.environ["SLACK_API_URL"])
web.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
oauth = None
if "SLACK_CLIENT_ID" in os.environ:
    oauth = OAuthSettings(
        authorization_url=os.environ["SLACK_AUTHORIZE_URL"],
        installation_store=FileInstallationStore(base_dir="installations"),
        state_store=FileOAuthStateStore(expiration_seconds=600, base_dir="states"),
    )
app = App(client=web, signing_secret=os.environ.get("SLACK_SIGNING_SECRET"), oauth_settings=oauth)


def button(text, action):
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "action_id": action}


def line(text, accessory=None):
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return block | ({"accessory": accessory} if accessory else {})


FORM = {
    "type": "modal",
    "callback_id": "ticket",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "New ticket"},
    "submit": {"type": "plain_text", "text": "Open"},
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "What is wrong?"},
            "element": {"type": "plain_text_input", "action_id": "value"},
        },
        {
            "type": "input",
            "block_id": "owner",
            "label": {"type": "plain_text", "text": "Who looks at it?"},
            "element": {"type": "external_select", "action_id": "owner", "min_query_length": 1},
        },
    ],
}


@app.message("hello")
def hello(message, say):
    text = f"Hey there <@{message['user']}>!"
    say(text=text, blocks=[line(text, button("Click Me", "button_click"))])


@app.action("button_click")
def clicked(body, ack, say):
    ack()
    say(f"<@{body['user']['id']}> clicked the button")


@app.message("vote")
def vote(say):
    say(text="Tea?", blocks=[line("Tea?", button("Close", "close_vote"))])


@app.action("close_vote")
def close_vote(body, ack, respond):
    ack()
    respond(replace_original=True, text=f"Closed by <@{body['user']['id']}>")


@app.message("thread")
def thread(message, client):
    client.chat_postMessage(channel=message["channel"], thread_ts=message["ts"], text="Down here")


@app.message("notes")
def notes(message, client):
    client.files_upload_v2(
        channel=message["channel"], filename="notes.txt", content="Bring a boat.\n", initial_comment="Here they are"
    )


@app.message("thanks")
def thanks(message, client):
    client.reactions_add(channel=message["channel"], timestamp=message["ts"], name="wave")


@app.event("message")
def unheard():
    """Take every other message, too: Bolt for Python refuses events that no listener wants, and they come again."""


@app.event("app_mention")
def mentioned(event, say):
    say(text=f"You called, <@{event['user']}>?", thread_ts=event["ts"])


@app.event("reaction_added")
def reacted(event, client):
    item = event["item"]
    link = client.chat_getPermalink(channel=item["channel"], message_ts=item["ts"])["permalink"]
    client.chat_postMessage(channel=event["user"], text=f":{event['reaction']}: on {link}")


@app.event("app_home_opened")
def home(event, client):
    blocks = [line(f"Welcome home, <@{event['user']}>")]
    client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})


@app.command("/echo")
def echo(command, ack, respond):
    ack()
    respond(command["text"])


@app.command("/ticket")
def ticket(body, ack, client):
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=FORM)


@app.command("/people")
def people(ack, client, respond):
    ack()
    respond(f"{sum(len(page['members']) for page in client.users_list(limit=2))} people")


@app.command("/lost")
def lost(ack, client, respond):
    ack()
    try:
        client.chat_postMessage(channel="C0000000000", text="Anybody?")
    except SlackApiError as error:
        respond(error.response["error"])


@app.shortcut("new_ticket")
def new_ticket(shortcut, ack, client):
    ack()
    client.views_open(trigger_id=shortcut["trigger_id"], view=FORM)


@app.shortcut("note_it")
def note_it(shortcut, ack, respond):
    ack()
    respond(response_type="ephemeral", text=f"Noted: {shortcut['message']['text']}")


@app.options("owner")
def owners(payload, ack):
    names = [name for name in ("Mia", "Ana", "Raj") if name.lower().startswith(payload["value"].lower())]
    ack(options=[{"text": {"type": "plain_text", "text": name}, "value": name} for name in names])


@app.view("ticket")
def submitted(ack, body, view, client):
    values = view["state"]["values"]
    title = values["title"]["value"]["value"]
    if len(title) < 5:
        ack(response_action="errors", errors={"title": "Say a little more"})
        return
    ack()
    owner = values["owner"]["owner"]["selected_option"]["value"]
    client.chat_postMessage(channel=body["user"]["id"], text=f"Ticket: {title} ({owner})")


@app.view_closed("ticket")
def closed(ack, body, client):
    ack()
    client.chat_postMessage(channel=body["user"]["id"], text="No ticket, then")


if __name__ == "__main__":
    if token := os.environ.get("SLACK_APP_TOKEN"):
        SocketModeHandler(app, token, ping_interval=1).start()  # finds a dead connection soon
    else:
        app.start(port=int(os.environ["PORT"]))
