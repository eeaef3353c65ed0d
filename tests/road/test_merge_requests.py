"""People review from Slack as themselves: signing in at GitLab, approving, merging; issues made of messages."""

import asyncio
import re
import sys
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from bot.demo.configuration import keep_secrets
from tests.integrations.repository import RealHistory
from tests.road.town import ROOT, Json, Town, buttons, elements, words
from tests.servers.gitlab import pipelines
from tests.servers.gitlab.server import running
from tests.servers.gitlab.state import MAINTAINER, JobSpec, MergeRequest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

PEOPLE = ("mia", "tom", "ana", "raj")


class Review:
    """A town whose service has its code in a stand-in for GitLab, and what people do there."""

    def __init__(self, town: Town, server, project, history: RealHistory, base: str) -> None:
        self.town, self.server, self.project = town, server, project
        self._history, self._base = history, base
        self._old: set[str] = set()

    def opened(self, title: str) -> int:
        """Let ana open a merge request."""
        number = len(self.project.merge_requests) + 1
        branch, now = f"change-{number}", self.server.time.text()
        sha = self._history.commit("shop", title, files={"a.txt": b"1", branch: b"1"}, parents=[self._base])
        self._history.branch("shop", branch, sha)
        self.project.merge_requests.append(
            MergeRequest(self.server.new_id(), number, title, branch, "main", self.server.users["ana"], now, now)
        )
        return number

    async def pushed(self, number: int) -> None:
        """Let ana push another commit."""
        branch = f"change-{number}"
        head = (await self.server.repositories.refs("shop", "heads"))[branch]
        sha = self._history.commit("shop", "More", files={"a.txt": b"1", branch: b"2"}, parents=[head])
        self._history.branch("shop", branch, sha)

    async def type(self, user: str, text: str) -> None:
        """Type a command; `told` then finds what is answered from now on."""
        self._old = {message["ts"] for message in await self.town.messages("checkout")}
        await self.town.slash(user, text)

    async def link(self, user: str) -> str:
        """Ask for a link in Slack, and return the address of its button."""
        await self.type(user, "/shipmate connect gitlab")
        told = await self.told(user, "Sign in to", f"gitlab knows @{user} by your address")
        return str(next(one["url"] for _, one in elements(told) if one.get("url")))

    async def browse(self, link: str, username: str, *, answer: str = "") -> tuple[int, str]:
        """Open a link in a fresh browser, sign in at GitLab as somebody, and press a button of the page."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.get(link, allow_redirects=False) as got:
                sign_in = got.headers["Location"]
            assert sign_in.startswith(self.server.url)
            async with (
                aiohttp.ClientSession(cookies={"user": username}) as there,
                there.get(sign_in, allow_redirects=False) as got,
            ):
                back = got.headers["Location"]
            async with browser.get(back) as got:
                status, page = got.status, await got.text()
            if answer:
                form = re.search(r'name="form" value="([^"]+)"', page)
                assert form, page
                url = f"{link.partition('/connect/')[0]}/connect/gitlab"
                async with browser.post(url, data={"form": form[1], "answer": answer}) as got:
                    status, page = got.status, await got.text()
        return status, page

    async def connected(self, user: str) -> None:
        status, page = await self.browse(await self.link(user), user, answer="yes")
        assert (status, "Connected" in page) == (200, True), page

    async def unlinked(self, user: str) -> None:
        """Have nothing lent by this person, whatever another test did."""
        await self.type(user, "/shipmate disconnect gitlab")
        await self.told(user, "gitlab")

    async def told(self, user: str, *parts: str) -> Json:
        """Wait for an answer that only this person sees, and return it."""
        person = self.town.sandbox.workspace.user(user, "user")

        async def there() -> Json | None:
            found = [
                message
                for message in await self.town.messages("checkout")
                if message.get("ephemeral_to") == person.id
                and message["ts"] not in self._old
                and all(part in words(message) for part in parts)
            ]
            return found[-1] if found else None

        found = await self.town.until(there, f"an answer to {user} with {parts}")
        assert isinstance(found, dict)
        return found

    async def shipmate(self, *argv: str) -> tuple[int, str]:
        """Run the command line, and return its exit status and what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *argv, "--config", str(self.town.folder / "shipmate.yaml"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def show(self, user: str, number: int) -> Json:
        title = self.project.merge_requests[number - 1].title
        await self.type(user, f"/shipmate mr show shop {number}")
        return await self.told(user, f"!{number} {title}")


def _change(folder, server):
    def change(settings: Json) -> None:
        base = f"http://127.0.0.1:{settings['server']['port']}"
        settings["server"]["public_url"] = base
        kept = keep_secrets(folder, sealing=Fernet.generate_key().decode(), gitlab="glpat-shipmate", client="s3cret")
        kept |= keep_secrets(folder, hook="h" * 32)
        settings["encryption_keys"] = [kept["sealing"]]
        settings["integrations"]["gitlab"] = {
            "type": "gitlab",
            "url": server.url,
            "token": kept["gitlab"],
            "webhook_token": kept["hook"],
            "oauth_client_id": "shipmate-app",
            "oauth_client_secret": kept["client"],
        }
        allowed = ["merge_request.*", "issue.*", "build.*", "run.answer"]
        everything = {"allow": allowed, "to": ["everyone"], "services": ["shop"]}
        settings["permissions"].append(everything)
        checkout = settings["services"]["checkout"]
        settings["services"]["shop"] = {
            "channel": "checkout",
            "repository": {"with": "gitlab", "project": "team/shop"},
            "build": {"with": "gitlab", "job": "team/shop"},
            "environments": [{"name": "staging", "deploy": checkout["environments"][0]["deploy"]}],
        }
        redirect = f"{base}/connect/gitlab/callback"
        server.applications["shipmate-app"] = {"secret": "s3cret", "redirect_uris": {redirect}}

    return change


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def review(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reviews")
    history = RealHistory(folder / "repositories")
    history.root.mkdir()
    base = history.commit("shop", "Base", files={"a.txt": b"1"})
    history.branch("shop", "main", base)
    async with running(history.root) as server:
        for name in PEOPLE:
            server.add_user(name, public_email=f"{name}@acme.example").email = f"{name}@acme.example"
        project = server.add_project("team/shop", dict.fromkeys(("shipmate", *PEOPLE), MAINTAINER))
        async with Town.build(folder, change=_change(folder, server)) as town:
            yield Review(town, server, project, history, base)


async def test_from_signing_in_to_the_merge(review):
    await review.unlinked("mia")
    number = review.opened("Retry the card")
    shown = await review.show("mia", number)
    assert buttons(shown)[:2] == ["Approve in gitlab", "Merge in gitlab"]
    await review.connected("mia")
    shown = await review.show("mia", number)
    await review.town.press("mia", shown, "Approve")
    await review.town.see(f"!{number} Retry the card", "approved by @mia")
    await review.pushed(number)
    await review.town.press("mia", shown, "Merge…")
    refused = await review.told("mia", "changed since you looked")
    assert review.project.merge_requests[number - 1].state == "opened"
    assert "Show again" in buttons(refused)
    await review.town.press("mia", refused, "Show again")
    head = (await review.server.repositories.refs("shop", "heads"))[f"change-{number}"]
    await review.town.press("mia", await review.told("mia", f"!{number} Retry the card", head[:8]), "Merge…")
    await review.town.see(f"!{number} Retry the card", "merged into main by @mia")
    assert review.project.merge_requests[number - 1].merged_by.username == "mia", "as herself, not as Shipmate"
    log = review.town.log
    assert "action=grant.used" in log
    assert not [token for token in review.server.tokens if token.startswith(("access-", "refresh-")) and token in log]


async def test_a_forwarded_link_is_refused_and_lends_nothing(review):
    status, page = await review.browse(await review.link("ana"), "raj")
    assert status == 403
    assert "You signed in as @raj, but the link was made for ana" in page
    lent = [one for one in review.server.tokens.values() if one.kind == "oauth" and one.user.username == "raj"]
    assert lent
    assert all(one.revoked for one in lent)


async def test_a_merge_by_somebody_else_meanwhile_is_told(review):
    await review.connected("tom")
    number = review.opened("Drop the cache")
    shown = await review.show("tom", number)
    review.project.merge_requests[number - 1].state = "merged"
    review.project.merge_requests[number - 1].merged_by = review.server.users["ana"]
    await review.town.press("tom", shown, "Merge…")
    await review.told("tom", f"!{number} Drop the cache", "was merged by @ana meanwhile")


async def test_what_was_revoked_at_gitlab_decides_nothing_and_its_person_is_told(review):
    await review.connected("ana")
    number = review.opened("Ask once")
    review.project.merge_requests[number - 1].author = review.server.users["mia"]
    shown = await review.show("ana", number)
    for token in review.server.tokens.values():
        if token.kind == "oauth" and token.user.username == "ana":
            token.revoked = True
    await review.town.press("ana", shown, "Merge…")
    told = await review.told("ana", "not_connected")
    assert buttons(told) == ["Merge in gitlab", "Connect gitlab…"]
    assert review.project.merge_requests[number - 1].state == "opened"


@pytest.mark.parametrize("how", ["shortcut", "reaction"])
async def test_an_issue_is_made_of_a_message(review, how):
    await review.connected("mia")
    town, before = review.town, len(review.project.issues)
    said = f"The card form forgets the year ({how})\nsince 1.4 https://tickets.acme.example/1"
    posted = await town.control("messages", user="tom", channel="checkout", text=said)
    ts = posted.get("ts") or (await town.see("The card form forgets", how))["ts"]
    if how == "shortcut":
        callback = {"callback_id": "args:issue create"}
        await town.control("shortcuts", user="mia", channel="checkout", ts=ts, **callback)
    else:
        await town.control("reactions", user="mia", channel="checkout", ts=ts, name="pushpin")
        offered = await review.told("mia", "issue create needs service")
        assert len(review.project.issues) == before, "a reaction only offers"
        await town.press("mia", offered, "Fill in…")
    await town.submit("mia", {"arg:service": "shop"})
    await town.see("Created", f"The card form forgets the year ({how})")
    issue = review.project.issues[-1]
    assert len(review.project.issues) == before + 1
    assert issue.title == f"The card form forgets the year ({how})"
    assert "> since 1.4 https://tickets.acme.example/1" in issue.description
    assert "/archives/" in issue.description, "a link to the message"
    assert issue.author.username == "mia", "made by herself"
    assert "Asked for by" not in issue.description


async def test_a_manual_job_is_started_as_who_pressed_and_a_link_for_who_has_linked_nothing(review):
    await review.connected("mia")
    town, server, project = review.town, review.server, review.project
    project.ci = [JobSpec(name="to-production", manual=True, trace=b"shipped\n")]
    heads = await server.repositories.refs("shop", "heads")
    made = pipelines.create(server, project, "main", heads["main"], {}, user=server.users["ana"], source="push")
    await review.type("raj", "/shipmate build watch shop")
    card = await town.see("build of shop", "to-production", f"#{made.id}")
    await town.press("raj", card, "to-production")
    told = await review.told("raj", "sign in to gitlab once")
    assert buttons(told) == ["Start it in gitlab", "Connect gitlab…"]
    assert made.jobs[0].played_by == ""
    await town.press("mia", card, "to-production")
    await town.see("build of shop", "answered by @mia", "succeeded")
    assert made.jobs[0].played_by == "mia", "as herself, not as Shipmate"


async def test_the_command_line_sets_up_the_webhooks_and_repairs_them(review):
    public = review.town.settings["server"]["public_url"]
    url = f"{public}/hooks/gitlab"
    _, said = await review.shipmate("check")
    assert f"gitlab: the redirect URI of its OAuth application is {public}/connect/gitlab/callback" in said
    assert await review.shipmate("connect", "gitlab") == (0, f"created  gitlab team/shop -> {url}\n")
    assert urlsplit(review.project.hooks[0].url).path == "/hooks/gitlab"
    assert await review.shipmate("connect", "gitlab") == (0, f"kept     gitlab team/shop -> {url}\n")
    review.project.members["shipmate"] = 30
    try:
        status, said = await review.shipmate("connect", "gitlab")
    finally:
        review.project.members["shipmate"] = MAINTAINER
    assert status == 1
    assert "FAILED   gitlab team/shop" in said
    assert "role Maintainer" in said
