"""Attachments of messages, the older way to show things; they may hold blocks.

Reference: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from bot.sandbox.blockkit.objects import URL_LIMIT
from bot.sandbox.blockkit.schema import Check, Field, anything, flag, items, one_of, shape, text

MAX_ATTACHMENTS = 100
_MAX_TEXT = 40_000
_MAX_ACTIONS = 5
_MAX_FIELDS = 100
_WORDS = Field(text(_MAX_TEXT))
_URL = Field(text(URL_LIMIT))
_ANY = Field(anything)

_action: Check = shape(
    {
        "type": Field(one_of("button", "select"), required=True),
        "name": Field(text(1000)),
        "text": Field(text(1000)),
        "value": Field(text(2000)),
        "style": Field(one_of("default", "primary", "danger", "")),
        "url": _URL,
        "confirm": _ANY,
        "id": _ANY,
        "options": _ANY,
        "option_groups": _ANY,
        "selected_options": _ANY,
        "data_source": _WORDS,
        "min_query_length": _ANY,
    }
)
_field: Check = shape({"title": _WORDS, "value": _WORDS, "short": Field(flag)})

attachment: Check = shape(
    {
        "actions": Field(items(_action, _MAX_ACTIONS)),
        "attachment_type": _WORDS,
        "author_icon": _URL,
        "author_id": _WORDS,
        "author_link": _URL,
        "author_name": _WORDS,
        "author_subname": _WORDS,
        "blocks": _ANY,
        "callback_id": Field(text(255)),
        "color": Field(text(20)),
        "fallback": _WORDS,
        "fields": Field(items(_field, _MAX_FIELDS)),
        "footer": Field(text(300)),
        "footer_icon": _URL,
        "from_url": _URL,
        "hide_color": Field(flag),
        "id": _ANY,
        "image_height": _ANY,
        "image_url": _URL,
        "image_width": _ANY,
        "mrkdwn": Field(flag),
        "mrkdwn_in": Field(items(text(20), 10)),
        "original_url": _URL,
        "preview": _ANY,
        "pretext": _WORDS,
        "service_icon": _URL,
        "service_name": _WORDS,
        "text": _WORDS,
        "thumb_height": _ANY,
        "thumb_url": _URL,
        "thumb_width": _ANY,
        "title": _WORDS,
        "title_link": _URL,
        "ts": _ANY,
        "video_html": _WORDS,
    }
)
"""One attachment; its blocks are checked as those of a message."""
