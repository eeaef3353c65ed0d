"""`/build` from a channel to real builds on this machine and back: one card each, why it failed, abort, retry, logs."""

import json
import os
import re
import secrets
from typing import Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from bot.settings import load
from bot.slack import manifest
from commands.registry import registry
from tests.road.crash_town import CrashTown, gated
from tests.road.shop import Shop, Wishes, answer, pressable, shops, town_with
from tests.road.test_jenkins import TAKEN, use_jenkins
from tests.road.town import Json, buttons, words
from tests.servers.jenkins import JenkinsServer, boolean, choice, command, password, text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

MAKE = (
    'echo "$SHIPMATE_SHA" >> {}; echo "::stage compile"; echo made; echo x > a.txt; '
    'echo \'{{"artifact": "a.txt"}}\' > "$SHIPMATE_RESULT"'
)
CARD = re.compile(r"B-\d+ build of .*: (being started|queued|running|succeeded|failed|aborted|not started)")
FAILS = ["/bin/sh", "-c", "echo '::stage compile'; echo compiling; echo main.c:7: no such thing >&2; exit 2"]
RIGHTS = [
    {"allow": ["build.*"], "to": ["developers"]},
    {"allow": ["build.read", "run.answer"], "to": ["everyone"]},
]
SECRET = f"sk-{secrets.token_hex(12)}"
NAMES = ("green", "fails", "slow", "typos", "asked", "elsewhere")


def with_builds(folder, settings: Json) -> None:
    """Let each service be built by a job of its name; "slow" goes on once a file is there."""
    local = settings["integrations"]["local"]
    for name in NAMES:
        local["builds"][name] = {"command": ["/bin/sh", "-c", MAKE.format(folder / f"{name}.made")], "timeout": 120}
    local["builds"]["fails"]["command"] = FAILS
    local["builds"]["slow"]["command"] = gated(folder / "gate", local["builds"]["slow"]["command"])
    settings["slack"]["aliases"].append("build")
    settings["permissions"] += RIGHTS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    wanted = {name: Wishes(service={"build": {"with": "local", "job": name}}) for name in NAMES}
    async with town_with(folder, wanted, lambda settings: with_builds(folder, settings)) as built:
        yield built


def closed(town: Any) -> Shop:
    """Return the service whose builds wait until the gate is opened."""
    (town.folder / "gate").unlink(missing_ok=True)
    return Shop(town, "slow")


def made(town: Any, name: str) -> list[str]:
    """Return the commits that a job really built."""
    path = town.folder / f"{name}.made"
    return path.read_text().split() if path.exists() else []


async def card(shop: Shop, *parts: str) -> Json:
    """Wait for the card of a build that holds these words, and return it."""

    async def there() -> Json | None:
        found = [
            message
            for message in await shop.town.messages(shop.name)
            if CARD.fullmatch(message["text"])
            and not message.get("ephemeral_to")
            and message.get("thread_ts", message["ts"]) == message["ts"]
            and all(part in words(message) for part in parts)
        ]
        return found[-1] if found else None

    found = await shop.town.until(there, f"the card of a build of {shop.name} with {parts}")
    assert isinstance(found, dict)
    return found


async def test_one_card_from_the_command_to_the_result(town):
    shop = Shop(town, "green")
    await shop.slash("mia", "/build run {}")
    done = await card(shop, ": succeeded")
    said = words(done)
    assert "green main (" in said
    assert "compile" in said
    assert "asked by @mia" in said
    assert len(made(town, "green")) == 1
    assert done["text"].split()[0] in words(answer(await shop.slash("tom", "/build show {}")))
    status, told = await town.shipmate("do", "build run green 1.4.1 --wait")
    assert status == 0, told
    assert "succeeded" in told
    assert len(made(town, "green")) == 2


async def test_a_failed_build_says_why_and_runs_once_more_once(town):
    shop = Shop(town, "fails")
    await shop.slash("mia", "/build run {} 1.4.1")
    failed = await card(shop, ": failed", "no such thing")
    await shop.direct("mia", "build of fails 1.4.1", "failed", "no such thing")

    async def thread() -> str:
        return "\n".join(words(m) for m in await town.messages("fails") if m.get("thread_ts") == failed["ts"])

    assert await town.until(lambda: _holds(thread, "no such thing"), "the excerpt in the thread")
    first = failed["text"].split()[0]
    await shop.press("mia", failed, "Retry")
    again = await card(shop, ": failed", f"{first} once more")
    assert again["ts"] != failed["ts"]
    await shop.slash("tom", f"/build retry {first}")
    await shop.told("tom", f"{first} was retried already, as {again['text'].split()[0]}")
    await shop.press("mia", again, "Logs")
    log = await shop.told("mia", "Log of", "no such thing")
    await shop.press("mia", log, "Whole log")
    await shop.told("mia", "direct messages")
    files = [one for one in town.sandbox.workspace.files.values() if one.name.endswith("fails.log")]
    assert "compiling" in files[-1].content.decode()
    assert "no such thing" in files[-1].content.decode()


async def _holds(read, part: str) -> bool:
    return part in await read()


async def test_aborted_by_somebody_else_and_an_old_card(town):
    shop = closed(town)
    before = made(town, "slow")
    await shop.slash("mia", "/build run {} 1.4.1")
    running = await card(shop, "running since")
    await shop.press("tom", running, "Abort")
    ended = await card(shop, "Aborted by @tom")
    assert ended["ts"] == running["ts"]
    await shop.slash("mia", f"/build abort {ended['text'].split()[0]}")
    await shop.told("mia", "is over: aborted", "ended")
    assert made(town, "slow") == before


async def test_typos_are_corrected_and_who_may_not_is_told(town):
    shop = Shop(town, "typos")
    outcome = await shop.slash("mia", "/build rnu {}")
    assert pressable(answer(outcome), "build run typos")
    said = words(answer(await shop.slash("mia", "/shipmate help build")))
    assert "/build run &lt;service&gt; [&lt;ref&gt;]" in said
    assert "/build logs" in said
    await shop.slash("mia", "/build run {} mian")
    near = await shop.told("mia", "Did you mean main?", "unknown_ref")
    assert "Build main" in buttons(near)
    await shop.slash("mia", "/build run {} --param STAGE=qa")
    await shop.told("mia", "typos has no parameter", "It takes none")
    await shop.slash("ana", "/build run {}")
    await shop.told("ana", "not_allowed", "build.start", "developers")
    await shop.mention("mia", "build run {} 1.4.1")
    press = await shop.told("mia", "Press to confirm")
    assert made(town, "typos") == []
    await shop.press("mia", press, "Build run typos 1.4.1")
    await card(shop, ": succeeded")
    assert len(made(town, "typos")) == 1
    declared = manifest.build(load(town.folder / "shipmate.yaml", dict(os.environ)), registry())
    hint = next(one for one in declared["features"]["slash_commands"] if one["command"] == "/build")
    assert hint["usage_hint"] == "run | show | watch | abort | retry | logs"


async def test_the_form_asks_for_what_is_missing(town):
    shop = Shop(town, "asked")
    await shop.slash("mia", "/build run")
    await town.submit("mia", {"arg:service": "asked", "arg:ref": "1.4.1"})
    assert await card(shop, ": succeeded")


async def test_the_parameters_of_a_job_have_inputs_and_secrets_stay_secret(tmp_path):
    """Jenkins says what its job takes: the form shows it, what is wrong is refused, a secret reaches Jenkins alone."""
    async with JenkinsServer() as jenkins:
        taken = [*TAKEN, choice("RING", "all", "one"), boolean("DRY_RUN", default=True), password("TOKEN")]
        jenkins.add_job("team/build", parameters=taken, script=command("sh", "-c", "echo ready; exit 1"))
        (tmp_path / "places").mkdir()

        def change(settings: Json) -> None:
            use_jenkins(jenkins, tmp_path, "0123456789abcdef", settings)

        async with CrashTown.build(tmp_path, change=change) as town:
            shop = Shop(town, "checkout")
            await shop.slash("mia", "/build run checkout 1.4.1 --param RING=two")
            await shop.told("mia", "bad_value", "It is one of all, one")
            await shop.slash("mia", "/build run checkout 1.4.1 --param")
            view = await town.modal("mia")
            kinds = {one["block_id"]: one["element"]["type"] for one in view["blocks"] if one["type"] == "input"}
            assert kinds["pair:param:RING"] == "static_select"
            assert kinds["pair:param:DRY_RUN"] == "checkboxes"
            assert kinds["pair:param:TOKEN"] == "plain_text_input"
            assert not [name for name in kinds if "SHIPMATE" in name]
            await town.submit("mia", {"pair:param:RING": "one", "pair:param:DRY_RUN": [], "pair:param:TOKEN": SECRET})
            failed = await card(shop, ": failed")
            (built,) = jenkins.job("team/build").builds.values()
            assert {name: built.values[name] for name in ("RING", "TOKEN")} == {"RING": "one", "TOKEN": SECRET}
            assert str(built.values["DRY_RUN"]).lower() == "false"
            assert "RING" in words(failed)
            assert SECRET not in json.dumps(await town.state())
            assert SECRET not in town.log
            assert await town.stop() == 0
            for file in (tmp_path / "state").glob("*.db*"):
                assert SECRET.encode() not in file.read_bytes(), file


async def test_a_missing_parameter_opens_the_form_at_once_and_elsewhere_a_button_does(tmp_path):
    """A command and a button carry a trigger, by which the form is opened; a mention has none."""
    async with JenkinsServer() as jenkins:
        taken = [*TAKEN, choice("RING", "all", "one"), text("NOTE"), password("TOKEN")]
        jenkins.add_job("team/build", parameters=taken, script=command("true"))
        (tmp_path / "places").mkdir()

        def change(settings: Json) -> None:
            use_jenkins(jenkins, tmp_path, "0123456789abcdef", settings)
            settings["services"]["checkout"]["build"]["required"] = ["NOTE"]

        async with CrashTown.build(tmp_path, change=change) as town:
            shop = Shop(town, "checkout")
            await shop.slash("mia", f"/build run checkout 1.4.1 --param RING=all --param TOKEN={SECRET}")
            view = await town.modal("mia")
            fields = {one["block_id"]: one for one in view["blocks"] if one["type"] == "input"}
            assert [name for name, one in fields.items() if not one["optional"]] == ["arg:service", "pair:param:NOTE"]
            assert fields["pair:param:RING"]["element"]["initial_option"]["value"] == "all"
            assert SECRET not in json.dumps(view)
            assert not [one for one in await town.messages("checkout", viewer="mia") if "Fill in" in words(one)]
            await town.submit("mia", {"pair:param:NOTE": "hello", "pair:param:TOKEN": SECRET})
            assert await card(shop, "1.4.1", ": succeeded")
            (built,) = jenkins.job("team/build").builds.values()
            assert {name: built.values[name] for name in ("NOTE", "TOKEN")} == {"NOTE": "hello", "TOKEN": SECRET}
            await shop.mention("mia", "build run checkout 1.4.2")
            offered = await shop.told("mia", "Press to confirm", "build run checkout 1.4.2")
            await shop.press("mia", offered, "Build run checkout 1.4.2")
            await town.submit("mia", {"pair:param:NOTE": "hello again"})
            assert await card(shop, "1.4.2", ": succeeded")


@pytest.mark.parametrize("keys", [True, False])
async def test_killed_before_jenkins_has_the_secret_it_lies_sealed_and_is_handed_over_once_or_asked_for(tmp_path, keys):
    """With a key of the configuration the next process reads it; without one it says that it cannot."""
    async with JenkinsServer() as jenkins:
        taken = [*TAKEN, choice("RING", "all", "one"), password("TOKEN")]
        jenkins.add_job("team/build", parameters=taken, script=command("true"))
        (tmp_path / "places").mkdir()

        def change(settings: Json) -> None:
            use_jenkins(jenkins, tmp_path, "0123456789abcdef", settings)
            if keys:
                (tmp_path / "key").write_bytes(Fernet.generate_key())
                settings["encryption_keys"] = [f"file:{tmp_path / 'key'}"]

        async with CrashTown.build(tmp_path, change=change) as town:
            shop = Shop(town, "checkout")
            jenkins.faults.answer("POST .*/buildWithParameters", 503, "<h1>Please wait while Jenkins</h1>", times=-1)
            await shop.slash("mia", f"/build run checkout 1.4.1 --param TOKEN={SECRET}")

            async def asked():
                return any(one.form.get("TOKEN") == SECRET for one in jenkins.requests)

            await town.until(asked, "Jenkins was not asked")
            await town.kill()
            jenkins.faults._coming.clear()
            kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
            assert kept
            assert [path.name for path in kept if SECRET.encode() in path.read_bytes()] == []
            await town.start()
            if keys:
                assert await card(shop, ": succeeded")
                (built,) = jenkins.job("team/build").builds.values()
                assert built.values["TOKEN"] == SECRET
            else:
                assert await card(shop, "encryption_keys")
                assert not jenkins.job("team/build").builds
            assert SECRET not in town.log
            assert [path.name for path in kept if path.exists() and SECRET.encode() in path.read_bytes()] == []


async def test_a_killed_shipmate_goes_on_following(town):
    shop = closed(town)
    before = made(town, "slow")
    await shop.slash("mia", "/build run {} 1.4.2")
    running = await card(shop, "1.4.2", "running since")
    await town.kill()
    (town.folder / "gate").touch()
    await town.start()
    done = await card(shop, "1.4.2", ": succeeded")
    assert done["ts"] == running["ts"]
    assert len(made(town, "slow")) == len(before) + 1


async def test_killed_at_every_step_it_is_built_once(tmp_path):
    """The process dies after each step's work and before it is recorded: one build, one card, told once."""

    def change(settings: Json) -> None:
        shops({})(settings)
        settings["slack"]["aliases"].append("build")
        settings["permissions"] += RIGHTS

    async with CrashTown.build(tmp_path, change=change, start=False) as crashing:
        await crashing.start_to_be_killed()
        crashing.arm("step.build.*:done")
        await crashing.kept(
            lambda: crashing.slash("mia", "/build run checkout 1.4.1")
        )  # the first kill may come that early

        async def ended() -> Json | None:
            found = [m for m in await crashing.messages() if re.fullmatch(r"B-\d+ build of .*: succeeded", m["text"])]
            return found[0] if found else None

        done = await crashing.until(ended, "the end of the build", 200)
        killed = {point.split(":")[0] for point in crashing.points("killed")}
        assert killed == {f"step.build.{name}" for name in ("begin", "start", "sent", "follow", "end")}
        assert len(crashing.builds()) == 1
        cards = [m for m in await crashing.messages() if m["text"].startswith("B-") and not m.get("ephemeral_to")]
        assert [one["ts"] for one in cards] == [done["ts"]]
        await crashing.check_audit()
        assert "B-1" in json.dumps(done)
