"""The contract of ReleaseHost."""

import asyncio
from typing import Protocol

import pytest

from integrations.capabilities.releases import Link, ReleaseDraft, ReleaseHost
from integrations.errors import NotFound, Refused

PROJECT = "shop"
UNKNOWN = "0123456789" * 4
NOTES = "### Fixes\n\n- **cart:** one, two `three` & <four>\n\n# not a comment"
DRAFT = ReleaseDraft(
    tag="v1.4.2", name="shop 1.4.2", notes=NOTES, links=(Link("the artifact", "https://ci.example/shop.jar"),)
)


class Releasing(Protocol):
    """What the suite needs: a host, whose project PROJECT has two commits."""

    host: ReleaseHost
    first: str
    second: str


class ReleaseHostContract:
    """Derive from it and override `releasing`."""

    @pytest.fixture
    def releasing(self) -> Releasing:
        raise NotImplementedError

    async def test_is_a_host_of_releases(self, releasing):
        assert isinstance(releasing.host, ReleaseHost)

    async def test_a_commit_is_tagged(self, releasing):
        assert await releasing.host.get_tag(PROJECT, "v1.4.2") is None
        message = "shop 1.4.2\n\n# kept as it is\n\nShipmate-Release: R-88"
        made = await releasing.host.create_tag(PROJECT, "v1.4.2", releasing.first, message)
        assert (made.name, made.sha, made.message) == ("v1.4.2", releasing.first, message)
        assert await releasing.host.get_tag(PROJECT, "v1.4.2") == made

    async def test_asked_again_it_is_there(self, releasing):
        made = await releasing.host.create_tag(PROJECT, "shop/v1.4.2", releasing.first, "one")
        assert await releasing.host.create_tag(PROJECT, "shop/v1.4.2", releasing.first, "two") == made
        with pytest.raises(Refused, match=releasing.first[:12]):
            await releasing.host.create_tag(PROJECT, "shop/v1.4.2", releasing.second, "one")

    async def test_racing_makers_of_a_tag_agree_on_one_commit(self, releasing):
        wanted = [releasing.first, releasing.second] * 2
        made = await asyncio.gather(
            *(releasing.host.create_tag(PROJECT, "v2.0.0", sha, "race") for sha in wanted), return_exceptions=True
        )
        tag = await releasing.host.get_tag(PROJECT, "v2.0.0")
        for sha, one in zip(wanted, made, strict=True):
            assert isinstance(one, Refused) if sha != tag.sha else one == tag

    async def test_what_is_not_there_is_not_tagged(self, releasing):
        with pytest.raises(NotFound):
            await releasing.host.create_tag(PROJECT, "v9.0.0", UNKNOWN, "x")
        with pytest.raises(NotFound):
            await releasing.host.get_tag("nowhere", "v1.4.2")
        with pytest.raises(Refused):
            await releasing.host.create_tag(PROJECT, "v9.0.0", "main", "x")

    async def test_a_tag_is_released_once(self, releasing):
        await releasing.host.create_tag(PROJECT, "v1.4.2", releasing.first, "x")
        assert await releasing.host.get_release(PROJECT, "v1.4.2") is None
        made = await releasing.host.create_release(PROJECT, DRAFT)
        assert (made.tag, made.name, made.notes, tuple(made.links)) == (DRAFT.tag, DRAFT.name, NOTES, DRAFT.links)
        assert made.created_at is not None
        other = ReleaseDraft(tag="v1.4.2", name="other", notes="other")
        assert await releasing.host.create_release(PROJECT, other) == made
        assert await releasing.host.get_release(PROJECT, "v1.4.2") == made

    async def test_without_a_tag_there_is_no_release(self, releasing):
        with pytest.raises(NotFound):
            await releasing.host.create_release(PROJECT, DRAFT)
        assert await releasing.host.get_tag(PROJECT, "v1.4.2") is None

    async def test_releases_are_listed_newest_first(self, releasing):
        for tag, sha in (("v1.4.2", releasing.first), ("v1.10.0", releasing.second), ("v9.9.9", releasing.second)):
            await releasing.host.create_tag(PROJECT, tag, sha, "x")
            if tag != "v9.9.9":
                await releasing.host.create_release(PROJECT, ReleaseDraft(tag=tag, name=tag, notes=""))
        assert [one.tag for one in await releasing.host.list_releases(PROJECT)] == ["v1.10.0", "v1.4.2"]
        assert [one.tag for one in await releasing.host.list_releases(PROJECT, limit=1)] == ["v1.10.0"]

    async def test_notes_are_replaced(self, releasing):
        await releasing.host.create_tag(PROJECT, "v1.4.2", releasing.first, "x")
        with pytest.raises(NotFound):
            await releasing.host.update_notes(PROJECT, "v1.4.2", "new")
        await releasing.host.create_release(PROJECT, DRAFT)
        changed = await releasing.host.update_notes(PROJECT, "v1.4.2", "new\n\n- notes")
        assert (changed.notes, changed.name, tuple(changed.links)) == ("new\n\n- notes", DRAFT.name, DRAFT.links)
        assert await releasing.host.get_release(PROJECT, "v1.4.2") == changed
