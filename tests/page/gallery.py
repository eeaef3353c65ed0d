"""Every block, element and kind of message in one channel: what the pictures and the accessibility check look at."""

from tests.page.ferry import CARD, mrkdwn, option, plain, task

TEXT = (
    "*Bold*, _italic_, ~struck~, `code`, <https://coal.example/7|a link>, :ship: and :+1::skin-tone-4:\n"
    "> said before\n• first\n• second\n```\n$ carry coal --to north\n7 sacks, 0 lost\n```"
)

RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "Rich text: "},
                {"type": "text", "text": "bold", "style": {"bold": True}},
                {"type": "text", "text": ", "},
                {"type": "text", "text": "code", "style": {"code": True}},
                {"type": "text", "text": " and "},
                {"type": "emoji", "name": "anchor"},
            ],
        },
        {
            "type": "rich_text_list",
            "style": "ordered",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]} for text in ("load", "sail")
            ],
        },
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "depth 7 m"}]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "Red sky at night"}]},
    ],
}

MARKDOWN = (
    "## Log of the crossing\n\nWind **north**, sea *calm*. See [the log](https://coal.example/log).\n\n"
    "- [x] load\n- [ ] sail\n\n| shore | sacks |\n|---|--:|\n| north | 7 |\n| south | 12 |\n\n```sh\ncarry coal\n```"
)


def rich(text):
    """Return rich text that says this."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


TABLE = {
    "type": "table",
    "column_settings": [{"is_wrapped": True}, {"align": "right"}],
    "rows": [
        [{"type": "raw_text", "text": text} for text in row]
        for row in (("shore", "sacks"), ("north", "7"), ("south", "12"))
    ],
}

PLAN = {
    "type": "plan",
    "title": "Crossing",
    "tasks": [
        task("load", "Load 7 sacks", "complete", output=rich("7 of 7 aboard")),
        task("sail", "Sail", "in_progress", details=rich("4 of 9 miles")),
        task("moor", "Moor", "pending"),
        task("weigh", "Weigh again", "error", output=rich("the scales are wet")),
    ],
}


def card(name):
    """Return a card with an action of its own."""
    return {
        "type": "card",
        "title": mrkdwn(f"The *{name}*"),
        "subtitle": mrkdwn("Ferry, 40 sacks"),
        "body": mrkdwn("Leaves at 14:00 from the north pier."),
        "actions": [{"type": "button", "action_id": f"book_{name}", "text": plain("Book"), "style": "primary"}],
    }


SELECTS = {
    "type": "actions",
    "block_id": "menus",
    "elements": [
        {
            "type": "static_select",
            "action_id": "shore",
            "placeholder": plain("Shore"),
            "options": [option("North"), option("South")],
        },
        {"type": "external_select", "action_id": "harbour", "placeholder": plain("Harbour"), "min_query_length": 2},
        {"type": "users_select", "action_id": "who", "placeholder": plain("Who")},
        {"type": "conversations_select", "action_id": "where", "placeholder": plain("Where")},
        {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-30"},
        {"type": "timepicker", "action_id": "hour", "initial_time": "14:00"},
        {"type": "datetimepicker", "action_id": "moment", "initial_date_time": 1795000000},
        {
            "type": "overflow",
            "action_id": "more",
            "options": [option("Weigh it", "weigh"), option("Throw it away", "throw")],
        },
    ],
}

CHOICES = {
    "type": "actions",
    "block_id": "choices",
    "elements": [
        {
            "type": "checkboxes",
            "action_id": "care",
            "initial_options": [option("Fragile", "fragile")],
            "options": [option("Fragile", "fragile"), option("Keep dry", "dry")],
        },
        {"type": "radio_buttons", "action_id": "tide", "options": [option("High", "high"), option("Low", "low")]},
    ],
}

FEEDBACK = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": plain("Good"), "value": "good"},
            "negative_button": {"text": plain("Bad"), "value": "bad"},
        },
        {"type": "icon_button", "action_id": "remove", "icon": "trash", "text": plain("Remove")},
    ],
}

TEXTS = [
    {
        "type": "section",
        "text": mrkdwn(TEXT),
        "accessory": {"type": "button", "action_id": "every_input", "text": plain("Every input")},
    },
    {"type": "section", "fields": [mrkdwn("*Shore*\nnorth"), mrkdwn("*Sacks*\n7")]},
    {"type": "divider"},
    RICH,
    {"type": "context", "elements": [mrkdwn("asked by <@{user}> · 14:02"), mrkdwn("no cats aboard")]},
]

TEXTS_MORE = [{"type": "markdown", "text": MARKDOWN}, TABLE]

STATES = [
    {"type": "header", "text": plain("C-2 · coal → south shore")},
    PLAN,
    task(
        "alone",
        "A task of its own",
        "complete",
        sources=[{"type": "url", "url": "https://coal.example/7", "text": "bill"}],
    ),
]

ALERTS = [
    {"type": "alert", "level": level, "text": mrkdwn(f"An alert of level *{level}*.")}
    for level in ("default", "info", "success", "warning", "error")
]

CARDS = [card("Anna"), {"type": "carousel", "elements": [card(name) for name in ("Berta", "Clara", "Dora")]}]

HOURS = ("08", "10", "12", "14", "16")


def series(name, *values):
    """Return one line of a chart."""
    return {"name": name, "data": [{"label": hour, "value": value} for hour, value in zip(HOURS, values, strict=True)]}


AXES = {"categories": list(HOURS), "x_label": "hour", "y_label": "sacks"}

SACKS = [series("north", 3, 9, 14, 11, 4), series("south", 1, 2, 8, 12, 9)]


def plot(title, kind):
    """Return a chart of the sacks by the hour."""
    chart = {"type": kind, "series": SACKS, "axis_config": AXES}
    return {"type": "data_visualization", "title": title, "chart": chart}


LINES = plot("Sacks by the hour", "line")

BARS = plot("Sacks, side by side", "bar")

PIE = {
    "type": "data_visualization",
    "title": "Cargo",
    "chart": {"type": "pie", "segments": [{"label": "coal", "value": 12}, {"label": "salt", "value": 5}]},
}

DATA_TABLE = {
    "type": "data_table",
    "caption": "Crossings",
    "page_size": 3,
    "row_header_column_index": 0,
    "rows": [
        [{"type": "raw_text", "text": text} for text in ("ferry", "sacks")],
        *(
            [{"type": "raw_text", "text": name}, {"type": "raw_number", "value": sacks, "text": str(sacks)}]
            for name, sacks in (("Anna", 7), ("Berta", 12), ("Clara", 3), ("Dora", 40))
        ),
    ],
}

FOLDED = {
    "type": "container",
    "title": plain("Papers"),
    "subtitle": plain("two of them"),
    "is_collapsible": True,
    "child_blocks": [{"type": "section", "text": mrkdwn("Bill of lading, crew list")}],
}

DATA = [LINES, DATA_TABLE, FOLDED]

CONTROLS = [SELECTS, CHOICES, FEEDBACK]

GALLERY = {
    "texts": TEXTS,
    "more texts": TEXTS_MORE,
    "stages": STATES,
    "cards": CARDS,
    "data": DATA,
    "charts": [BARS, PIE],
    "controls": CONTROLS,
    "card": CARD,
}


def field(name, label, element, **more):
    """Return an input block."""
    return {"type": "input", "block_id": name, "label": plain(label), "element": {"action_id": name, **element}, **more}


EVERY_INPUT = {
    "type": "modal",
    "callback_id": "every",
    "title": plain("Every input"),
    "submit": plain("Send"),
    "blocks": [
        {"type": "alert", "level": "info", "text": mrkdwn("What a *modal* can ask for.")},
        field("line", "Line", {"type": "plain_text_input"}, hint=plain("One word")),
        field("lines", "Lines", {"type": "plain_text_input", "multiline": True}, optional=True),
        field("count", "Count", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}),
        field("mail", "Mail", {"type": "email_text_input"}, optional=True),
        field("page", "Page", {"type": "url_text_input"}, optional=True),
        field("rich", "Words", {"type": "rich_text_input"}, optional=True),
        field("papers", "Papers", {"type": "file_input", "max_files": 2}, optional=True),
        field("day", "Day", {"type": "datepicker"}, optional=True),
        field("hour", "Hour", {"type": "timepicker"}, optional=True),
        field("moment", "Moment", {"type": "datetimepicker"}, optional=True),
        field("tide", "Tide", {"type": "radio_buttons", "options": [option("High"), option("Low")]}, optional=True),
        field("crew", "Crew", {"type": "multi_users_select"}, optional=True),
    ],
}
