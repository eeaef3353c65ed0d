"""Rich text: its sections, lists, quotes and preformatted parts.

Reference: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from bot.sandbox.blockkit.objects import block_id
from bot.sandbox.blockkit.schema import Check, Field, anything, by_type, flag, items, one_of, shape, text, whole

_MAX_PARTS = 1000
_STYLE = Field(
    shape(
        {
            name: Field(flag)
            for name in ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
        }
    )
)
_ID = Field(text(255, 1), required=True)


def _part(kind: str, **fields: Field) -> Check:
    return shape({"type": Field(one_of(kind)), "style": _STYLE} | fields)


parts = {
    "text": _part("text", text=Field(text(12_000, 1), required=True)),
    "link": _part("link", url=Field(text(3000, 1), required=True), text=Field(text(3000)), unsafe=Field(flag)),
    "user": _part("user", user_id=_ID),
    "usergroup": _part("usergroup", usergroup_id=_ID),
    "channel": _part("channel", channel_id=_ID),
    "team": _part("team", team_id=_ID),
    "emoji": _part(
        "emoji",
        name=_ID,
        unicode=Field(text(100)),
        skin_tone=Field(whole(1, 6)),
        url=Field(text(3000)),
        display_name=Field(text(255)),
    ),
    "broadcast": _part("broadcast", range=Field(one_of("here", "channel", "everyone"), required=True)),
    "color": _part("color", value=_ID),
    "date": _part(
        "date",
        timestamp=Field(whole(), required=True),
        format=Field(text(255, 1), required=True),
        url=Field(text(3000)),
        fallback=Field(text(3000)),
    ),
}
"""Inline parts of a section."""

_inline = Field(items(by_type(parts), _MAX_PARTS), required=True)
_border = Field(whole(0, 1))

section = shape({"type": Field(one_of("rich_text_section")), "elements": _inline})

_blocks = {
    "rich_text_section": section,
    "rich_text_preformatted": shape(
        {
            "type": Field(one_of("rich_text_preformatted")),
            "elements": Field(items(by_type({key: parts[key] for key in ("text", "link")}), _MAX_PARTS), required=True),
            "border": _border,
            "language": Field(text(100)),
        }
    ),
    "rich_text_quote": shape({"type": Field(one_of("rich_text_quote")), "elements": _inline, "border": _border}),
    "rich_text_list": shape(
        {
            "type": Field(one_of("rich_text_list")),
            "style": Field(one_of("bullet", "ordered"), required=True),
            "elements": Field(items(section, _MAX_PARTS), required=True),
            "indent": Field(whole(0, 8)),
            "offset": Field(whole(0)),
            "border": _border,
        }
    ),
}

rich_text = shape(
    {
        "type": Field(one_of("rich_text")),
        "block_id": block_id,
        "elements": Field(items(by_type(_blocks), _MAX_PARTS), required=True),
        "expand": Field(anything),
    }
)
"""A whole `rich_text` block."""
