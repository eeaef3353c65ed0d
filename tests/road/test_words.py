"""Words as people type them: wrong ones, too many, too few, from phones, and hostile ones in commits."""

import hashlib
import json

import pytest
import pytest_asyncio

from tests.road.shop import PLAIN, Shop, Wishes, answer, pressable, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

OWN = Wishes(own_repository=True)
SHOPS = {
    "typos": PLAIN,
    "refs": PLAIN,
    "forms": PLAIN,
    "fields": PLAIN,
    "phones": PLAIN,
    "hostile": OWN,
    "shas": OWN,
    "long": PLAIN,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS) as built:
        yield built


async def test_an_unknown_service_is_corrected_by_a_button(town):
    shop = Shop(town, "typos")
    await shop.slash("mia", "/deploy tipos@1.4.1 to staging --dry-run")
    said = await shop.told("mia", "unknown_service")
    assert "Did you mean typos?" in words(said)
    await shop.press("mia", said, "Deploy typos@1.4.1 to staging --dry-run")
    await shop.told("mia", "Dry run: typos 1.4.1 → staging")


async def test_an_unknown_environment_is_corrected_by_a_button(town):
    shop = Shop(town, "typos")
    await shop.slash("mia", "/deploy {}@1.4.2 to prodution --dry-run")
    said = await shop.told("mia", "unknown_environment")
    assert '"prodution" is no environment of typos. Did you mean production?' in words(said)
    await shop.press("mia", said, "Deploy typos@1.4.2 to production --dry-run")
    await shop.told("mia", "Dry run: typos 1.4.2 → production")


async def test_an_unknown_ref_is_corrected_for_the_place_that_was_meant(town):
    shop = Shop(town, "refs")
    await shop.slash("mia", "/deploy {}@1.4.22 to production")
    said = await shop.told("mia", "unknown_ref")
    assert "1.4.22 is no tag, branch or commit of refs. Did you mean 1.4.2?" in words(said)
    [label] = buttons(said)
    assert "1.4.2 to production" in label
    await shop.press("mia", said, label)
    assert "1.4.2" in words(await shop.told("mia", "not_promoted")), "asked for production, as it was typed"
    await shop.slash("mia", "/deploy {}@no-such-thing")
    assert "The newest are 1.5.1, 1.5.0, 1.4.2" in words(await shop.told("mia", "no-such-thing is no tag"))


async def test_an_unknown_flag_is_corrected_by_a_button(town):
    shop = Shop(town, "refs")
    said = answer(await shop.slash("mia", "/deploy {}@1.4.1 to staging --dryrun"))
    assert "deploy has no flag" in words(said)
    assert "Did you mean --dry-run?" in words(said)
    await shop.press("mia", said, "deploy refs@1.4.1 to staging --dry-run")
    await shop.told("mia", "Dry run: refs 1.4.1 → staging")


async def test_a_word_too_many_and_an_unknown_command_are_understood(town):
    shop = Shop(town, "refs")
    said = answer(await shop.slash("mia", "/deploy {} 1.4.1"))
    assert "is one word too many" in words(said)
    assert pressable(said, "deploy refs@1.4.1")
    said = answer(await shop.slash("mia", "/shipmate wheer {}"))
    assert "Did you mean where?" in words(said)
    await shop.press("mia", said, "where refs")
    await shop.told("mia", "refs/staging")


async def test_no_words_at_all(town):
    shop = Shop(town, "typos")
    assert "What you can ask" in words(answer(await shop.slash("mia", "/shipmate")))
    await shop.slash("tom", "/deploy")
    view = await town.modal("tom")
    assert view["title"]["text"] == "Deploy"


async def test_what_is_missing_is_asked_for_in_a_form(town):
    shop = Shop(town, "forms")
    await shop.slash("mia", "/deploy")
    view = await town.modal("mia")
    service = next(block for block in view["blocks"] if block.get("block_id") == "arg:service")["element"]
    assert "forms" in [option["value"] for option in service["options"]], "its menu offers the services"
    version = next(block for block in view["blocks"] if block.get("block_id") == "arg:version")["element"]
    offered = await town.control(
        "options", user="mia", view_id=view["id"], action_id=version["action_id"], block_id="arg:version", value="1.4"
    )
    assert "1.4" in [option["value"] for option in offered["options"]], "what was typed is an option, too"
    outcome = await town.submit("mia", {"arg:service": "forms", "arg:environment": "staging"})
    assert outcome["ok"], outcome
    question = await shop.told("mia", "No version was named")
    await shop.press("mia", question, "Another version…")
    view = await town.modal("mia")
    assert "forms" in json.dumps(view), "it is filled with what is known"
    await town.control(
        "options", user="mia", view_id=view["id"], action_id="version", block_id="arg:version", value="1"
    )
    outcome = await town.submit("mia", {"arg:version": "1.4.1"})
    assert outcome["ok"], outcome
    await shop.card("1.4.1", "staging", ": done")


async def test_a_form_says_below_the_field_what_is_wrong_with_it(town):
    shop = Shop(town, "fields")
    await shop.slash("raj", "/lock")
    await town.modal("raj")
    outcome = await town.submit("raj", {"arg:service": "fields", "arg:environment": "staging", "arg:duration": "soon"})
    assert list(outcome["errors"]) == ["arg:duration"], outcome
    assert "soon" in outcome["errors"]["arg:duration"]
    outcome = await town.submit("raj", {"arg:duration": "30m"})
    assert outcome["ok"], outcome
    await shop.see("locked by @raj")


async def test_text_as_phones_type_it(town):
    shop = Shop(town, "phones")
    await shop.slash("mia", "/deploy {}@1.4.1\u00a0to\u00a0staging \u2014reason \u201cit\u2019s time\u201d")
    card = await shop.card("1.4.1", "staging")
    assert "“it’s time”" in words(card)
    await shop.card("1.4.1", "staging", ": done")
    await shop.slash("mia", "/deploy \u00a0{}@1.4.2\u200b to staging \u2013dry-run")
    await shop.told("mia", "Dry run: phones 1.4.2 → staging")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * 4000, "too long"),
        ("long@" + "1" * 3990, "too long"),
        ("long@1.4.1 to " + "y" * 3900, "too long"),
        ("long@1.4.1 " + "so " * 1300, "one word too many"),
        ('long@1.4.1 --dry-run --reason "' + "z" * 3000, "Dry run"),
        ("\u0000\u202e\ufeff", ""),
        ("@", "Nothing stands behind|service"),
        ("long@1.4.1@1.4.2", ""),
        ("-- -- --", ""),
        ("long@--help", ""),
        ("../../etc/passwd@HEAD~1 to /dev/null", "unknown_service"),
        ("long@HEAD~1", "is no tag, branch or commit|cannot be used"),
        ("long@--upload-pack=touch${IFS}/tmp/x", "is no tag, branch or commit|cannot be used|is no"),
    ],
    ids=lambda value: value[:14].encode("unicode_escape").decode(),
)
async def test_every_text_is_answered(town, text, says):
    """However odd: an answer that only who asked sees, a form, or a card; never silence and never a crash."""
    shop = Shop(town, "long")
    before = {message["ts"] for message in await town.messages("long")}
    outcome = await shop.slash("ana", f"/deploy {text}")
    assert outcome["ok"], outcome

    async def answered():
        state = await town.state()
        views = [view for view in state["views"] if view["user"] == town.sandbox.workspace.user("ana", "user").id]
        for view in views:
            await town.control("views", user="ana", view_id=view["id"], close=True)
        new = [message for message in await town.messages("long") if message["ts"] not in before]
        return new or views

    found = await town.until(answered, f"an answer to {text[:40]!r}")
    read = "\n".join(words(one) for one in found)
    assert any(part in read for part in says.split("|")), read
    assert "broke on our side" not in read
    assert len(read) < 3000, "an answer does not repeat a book"


async def test_a_long_reason_does_not_break_the_card(town):
    shop = Shop(town, "long")
    await shop.slash("mia", '/deploy {}@1.5.1 to staging --reason "' + "because " * 480 + '"')
    card = await shop.card("1.5.1", "staging", ": done")
    assert "“because because" in words(card)
    assert len(words(card)) < 700, "a card does not grow past a screen"


async def test_commits_cannot_shout_link_or_format(town):
    """What comes from outside can neither mention nor link nor end the line it stands in."""
    shop = Shop(town, "hostile")
    await shop.staged("1.4.1")
    tom = town.sandbox.workspace.user("tom", "user").id
    title = f"<!channel> <@{tom}> <https://evil.example|sign in> & <!here|x> ```*PAY-7*``` \u202egnp"
    await shop.release("1.6.0", title + "\n\n<!everyone> PAY-8<!channel>")
    await shop.deploy("1.6.0")
    card = await shop.ask("1.6.0", user="tom")
    await shop.press("raj", card, "Show plan")
    await shop.told("raj", "Plan of")
    await shop.slash(
        "raj", "/shipmate reject " + card["text"].split()[0] + ' --reason "<!channel> <https://evil.example>"'
    )
    await shop.card("1.6.0", "production", ": rejected")
    await shop.direct("tom", "rejected")
    for message in await town.messages(""):
        raw = json.dumps(message, ensure_ascii=False)
        for forbidden in ("<!channel", "<!here", "<!everyone", "<https://evil", "\u202e", "```*"):
            for part in _mrkdwn(message):
                assert forbidden not in part, raw
    shown = await shop.card("1.6.0", "production")
    assert "&lt;!channel&gt;" in words(shown)


async def test_a_short_sha_that_fits_two_commits_is_not_guessed(town):
    shop = Shop(town, "shas")
    one, two = await _alike(shop, digits=7)
    await shop.slash("mia", f"/deploy {{}}@{one[:7]} to staging")
    said = words(await shop.told("mia", "ambiguous_ref"))
    assert one[:12] in said
    assert two[:12] in said
    await shop.slash("mia", f"/deploy {{}}@{one[:7]}0 to staging --dry-run" if one[7] == "0" else
                     f"/deploy {{}}@{one[:8]} to staging --dry-run")  # fmt: skip
    full = await shop.told("mia", "Dry run")
    assert one[:7] in words(full)


def _mrkdwn(thing):
    """Return every text of a message that Slack reads as markup."""
    if isinstance(thing, list):
        return [text for one in thing for text in _mrkdwn(one)]
    if not isinstance(thing, dict):
        return []
    found = [thing["text"]] if isinstance(thing.get("text"), str) and thing.get("type") in {"mrkdwn", "message"} else []
    return found + [text for value in thing.values() if isinstance(value, dict | list) for text in _mrkdwn(value)]


async def _alike(shop, *, digits):
    """Write two commits whose ids begin alike but differ in the digit behind, and return their full ids."""
    tree = await shop.git("rev-parse", "HEAD^{tree}")
    parent = await shop.git("rev-parse", "HEAD")
    seen: dict[str, tuple[str, str]] = {}
    for number in range(10_000_000):
        text = (
            f"tree {tree}\nparent {parent}\nauthor Mia Lindqvist <mia@acme.example> 1795400000 +0000\n"
            f"committer Mia Lindqvist <mia@acme.example> 1795400000 +0000\n\nTry {number}\n"
        )
        sha = hashlib.sha1(f"commit {len(text)}\0{text}".encode(), usedforsecurity=False).hexdigest()
        other = seen.setdefault(sha[:digits], (sha, text))
        if other[0] != sha and other[0][digits] != sha[digits]:
            for ident, content in (other, (sha, text)):
                written = await shop.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=content)
                assert written == ident
                await shop.git("branch", f"try-{ident}", ident)
            return other[0], sha
    raise AssertionError("no two alike")
