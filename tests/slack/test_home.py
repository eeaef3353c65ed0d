"""The home tab: kept fresh while somebody looks at it, sent only where it differs, never more often than it may."""

from bot.reply import Button, Buttons, Markup, Paragraph
from bot.slack import freshness


class Board:
    """A section whose words a test changes."""

    def __init__(self):
        self.words = "one waits"

    async def section(self, person):
        button = Button(label="Deploy", command="deploy", args={"service": "cart"})
        return (Paragraph(Markup(f"{self.words} for {person.user}")), Buttons((button,)))


async def _shown(office, words):
    async def there():
        view = (await office.get("home", user="mia"))["view"]
        return view if view and words in str(view["blocks"]) else None

    return await office.until(there, f"{words!r} on the home tab")


async def test_a_tab_that_is_open_is_made_anew_when_something_changed(office):
    board = Board()
    office.gateway.home.add(board.section)
    await office.post("home", user="mia")
    await _shown(office, "one waits")
    board.words = "two wait"
    office.store.signal(freshness.SIGNAL).set()
    await _shown(office, "two wait")
    sent = len(await office.calls("views.publish"))
    assert await office.gateway.freshness.round() == 0, "nothing differs"
    assert len(await office.calls("views.publish")) == sent
    board.words = "none waits"
    assert await office.gateway.freshness.round() == 1


async def test_whoever_looked_long_ago_gets_nothing(office):
    board = Board()
    office.gateway.home.add(board.section)
    await office.post("home", user="mia")
    await _shown(office, "one waits")
    kept = office.gateway.freshness
    for user in list(kept._opened):
        kept._opened[user] -= 3601
    board.words = "two wait"
    assert await kept.round() == 0


async def test_a_button_of_the_tab_runs_its_command(office):
    board = Board()
    office.gateway.home.add(board.section)
    await office.post("home", user="mia")
    view = await _shown(office, "one waits")
    block = next(one for one in view["blocks"] if one["type"] == "actions")
    element = block["elements"][0]
    where = {"view_id": view["id"], "action_id": element["action_id"], "block_id": block["block_id"]}
    await office.post("actions", user="mia", **where)

    async def answered():
        return [one for one in await office.direct("mia") if "deploying cart to staging" in str(one)]

    assert await office.until(answered, "the answer in a direct message")
    (heard,) = office.heard.invocations
    assert (heard.command, dict(heard.args), heard.channel) == ("deploy", {"service": "cart"}, None)
