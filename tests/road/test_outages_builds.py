"""Builds that fail, hang or flood, and a repository that is gone: said plainly, bounded, masked, and with a way on."""

import json
import secrets
import sys

import psutil
import pytest
import pytest_asyncio

from tests.road.shop import Shop, Wishes, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SECRET = f"sk-{secrets.token_hex(16)}"
LIMIT = 1024 * 1024
NEVER = str(secrets.randbelow(10**6) + 10**7)
"""Seconds that nobody waits: by this number the processes of the hanging build are found."""

FLOOD = """
import sys
line = ("x" * 900 + " " + sys.argv[1] + " " + "y" * 90 + "\\n").encode()
for _ in range(100):
    sys.stdout.buffer.write(line * 1024)
sys.stdout.buffer.write(f"password {sys.argv[1]} is wrong <!channel>\\n".encode())
sys.exit(3)
"""
BUILDS = {
    "fails": {"command": ["/bin/sh", "-c", "echo compiling; echo main.c:7: no such thing >&2; exit 2"], "timeout": 30},
    "hangs": {"command": ["/bin/sh", "-c", f"trap '' TERM; sleep {NEVER} & sleep {NEVER}"], "timeout": 1},
    "floods": {"command": [sys.executable, "-c", FLOOD, SECRET], "timeout": 60},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    secret = folder / "secret"
    secret.write_text(SECRET)
    wanted = {name: Wishes(service={"build": {"with": "local", "job": name}}) for name in BUILDS}
    wanted["gone"] = Wishes(own_repository=True)

    def then(settings):
        local = settings["integrations"]["local"]
        local["builds"] |= BUILDS
        local |= {"secrets": [f"file:{secret}"], "log_limit": LIMIT, "stop_grace": 0.3}

    async with town_with(folder, wanted, then) as built:
        yield built


async def test_a_build_fails(town):
    """The card says so with the build's own last words, and nothing is deployed."""
    shop = Shop(town, "fails")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    card = await shop.card("1.4.1", "staging", ": failed")
    assert "The build failed: ended with status 2: main.c:7: no such thing" in words(card)
    assert "Deploy a fix…" in buttons(card)
    assert "compiling" in words(await shop.see("Log of the build"))
    assert await shop.runs("staging") == ""
    await shop.direct("mia", "fails 1.4.1 → staging: failed")


async def test_a_build_hangs(town):
    """At its deadline it is over, with everything that it had started."""
    shop = Shop(town, "hangs")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    card = await shop.card("1.4.1", "staging", ": failed")
    assert "The build failed: timed out after 1 s" in words(card)
    left = [process for process in psutil.process_iter(["cmdline"]) if NEVER in (process.info["cmdline"] or [])]
    assert not left


async def test_a_build_floods_its_output(town):
    """A hundred megabytes: the log that is kept is bounded, the thread gets an excerpt, and no secret is anywhere."""
    shop = Shop(town, "floods")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    card = await shop.card("1.4.1", "staging", ": failed")
    assert "is wrong <!channel>" not in json.dumps(card["blocks"])
    assert "is wrong &lt;!channel&gt;" in json.dumps(card["blocks"])
    excerpt = await shop.see("Log of the build", "xxxxx")
    assert len(words(excerpt)) < 4000
    thread = [m for m in await town.messages("floods") if m.get("thread_ts") == card["ts"]]
    assert len(thread) <= 3
    outputs = [folder for folder in (town.folder / "state" / "integrations").rglob("output") if folder.is_dir()]
    assert outputs
    for folder in outputs:
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 2 * LIMIT
    assert SECRET not in json.dumps(await town.state())
    for file in (town.folder / "state").rglob("*"):
        # What a supervisor is to mask it has to know, also after a reboot: for nobody but us to read.
        if file.is_file() and file.name == "desired.json":
            assert file.stat().st_mode & 0o077 == 0
        elif file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    assert SECRET not in town.log


async def test_the_repository_is_gone(town):
    """Before: nothing is started. After approval: it stands still and says so; once it is back, "Try again" goes on."""
    shop = Shop(town, "gone")
    away = shop.repository.with_name("away")
    await shop.deploy("1.4.1")
    card = await shop.ask("1.4.1")
    shop.repository.rename(away)
    try:
        await shop.slash("mia", "/deploy {}@1.4.2 to staging")
        await shop.told("mia", "there is no Git repository at", "Nothing was started")
        await shop.press("ana", card, "Approve")
        still = await shop.card("1.4.1", "production", "stands still")
        assert still["ts"] == card["ts"]
        await shop.direct("mia", "1.4.1 → production stands still")
        assert await shop.runs("production") == ""
    finally:
        away.rename(shop.repository)
    await shop.press("mia", still, "Try again")
    done = await shop.card("1.4.1", "production", ": done")
    assert done["ts"] == card["ts"]
    assert await shop.runs("production") == "1.4.1"
