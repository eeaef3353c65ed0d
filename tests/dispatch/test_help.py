"""Help shows what this person may do here, in words that can be copied; the rest is counted, not listed."""

import pytest

from bot.command import Effect, NoArgs, Trigger, command
from bot.permissions import MembershipUnreadable
from bot.registry import Registry
from bot.reply import text
from bot.settings import Settings
from bot.terminal import render
from tests.dispatch.commands import PlaceArgs, deploy
from tests.dispatch.conftest import ACCOUNT, MIA, NAMED_STRANGER, SETTINGS, TOM, Yard

SHORT = "<service>[@<version>] [to <environment>[/<target>]]"
FORM = f"{SHORT} [--dry-run] [--wait]"
OVERVIEW = [
    f"/deploy {SHORT}  Deploy a release.   e.g. /deploy checkout@1.4.2 to staging",
    f"/shipmate hold {SHORT}  Run until the test lets it go on.",
    f"/shipmate where {SHORT}  Say what runs.",
    f"/shipmate frozen {SHORT}  Refuse with a rule of its own.",
    "/shipmate help [<command…>]  Show what you can ask, and how.   e.g. /shipmate help deploy",
    "/shipmate access show  Show what you may do here, and who may do the rest.",
    "/shipmate health  Ask every connected system how it is.",
    "1 more needs rights you do not have: /shipmate access · /shipmate help <command> tells all about one",
]
ALSO = (
    'Also in threads, where slash commands do not work: @shipmate deploy …; in a terminal: shipmate do "deploy …"; '
    "a button on a card, where there is one; a mention or a reaction only brings up the button to press"
)
OF_DEPLOY = [
    "deploy · Deploy a release.",
    f"/deploy {FORM}",
    "<service>  service",
    "@<version>  version",
    "to <environment>  where",
    "/<target>  cell",
    "--dry-run  only show",
    "--wait  follow it",
    "For example: /deploy checkout@1.4.2 to staging",
    ALSO,
]


async def shown(yard: Yard, words: str, person=MIA, **fields) -> str:
    return render(await yard.answer(words, person, **fields))


async def test_help_lists_what_may_be_done_and_counts_the_rest(yard: Yard):
    page = await shown(yard, "help")
    assert page.splitlines() == OVERVIEW
    assert "people" in await shown(yard, "help", TOM)


async def test_help_is_worded_for_where_it_was_asked(yard: Yard):
    assert (await shown(yard, "help", trigger=Trigger.MENTION)).startswith("@shipmate deploy <service>")
    assert (await shown(yard, "help", trigger=Trigger.TERMINAL)).startswith("deploy <service>")


async def test_an_account_and_a_named_stranger_see_what_is_theirs(yard: Yard):
    assert "people" not in await shown(yard, "help", ACCOUNT, trigger=Trigger.TERMINAL)
    assert "where" not in (await shown(yard, "help", NAMED_STRANGER, ours=False)).split("\n")[1]


async def test_help_on_one_command_tells_all_about_it(yard: Yard):
    page = await shown(yard, "help deploy")
    assert page.splitlines() == OF_DEPLOY
    assert "people needs the permission people.read, which you do not have. Who has: release-managers." in await shown(
        yard, "help people"
    )
    assert "Did you mean deploy?" in await shown(yard, "help delpoy")


async def test_more_than_a_screen_is_cut_and_can_be_had_whole(yard: Yard):
    def named(name: str):
        @command(name, permission="service.read", args=NoArgs, effect=Effect.READ)
        async def handler(_call, _args):
            """Do something."""
            return text("done")

        return handler

    yard.registry._commands.update(Registry([named(f"look{n}") for n in range(20)]))
    page = await shown(yard, "help")
    assert "15 more: /shipmate help all" in page
    assert "look19" not in page
    assert "look19" in await shown(yard, "help all")


async def test_access_says_who_could_do_what_one_may_not(yard: Yard):
    page = await shown(yard, "access")
    assert "You count as: developers, everyone, mia." in page
    assert "deployment.* on staging" in page
    assert "people.read (people): release-managers" in page


async def test_a_reload_changes_what_help_shows_at_once(yard: Yard):
    assert "people" not in await shown(yard, "help")
    granted = [*SETTINGS["permissions"], {"allow": ["*"], "to": ["developers"]}]
    yard.permissions.replace(Settings.model_validate({**SETTINGS, "permissions": granted}))
    assert "people" in await shown(yard, "help")


async def test_a_group_that_cannot_be_read_takes_nothing_from_what_is_known(yard: Yard):
    groups = {**SETTINGS["groups"], "far-away": {"usergroup": "S1"}}
    yard.permissions.replace(Settings.model_validate({**SETTINGS, "groups": groups}))
    with pytest.raises(MembershipUnreadable):
        await yard.permissions.groups_of(MIA, member=True)
    assert "deploy" in await shown(yard, "help")


def test_a_wrong_declaration_fails_when_the_registry_is_made():
    with pytest.raises(ValueError, match="two commands called 'deploy'"):
        Registry([deploy, deploy])

    @command("Two Words", permission="x", args=PlaceArgs, effect=Effect.READ)
    async def odd(_call, _args):
        """Do nothing."""
        return text("")

    with pytest.raises(ValueError, match="one or two words in lower case"):
        Registry([odd])

    @command("odd", permission="x", args=Yard, effect=Effect.READ)
    async def odder(_call, _args):
        """Do nothing."""
        return text("")

    with pytest.raises(TypeError, match=r"needs Annotated\[…, arg\(…\)\]"):
        Registry([odder])
