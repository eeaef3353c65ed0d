"""The quay of the grants' tests, where people also review."""

import pytest

from tests.grants.conftest import (
    MIA,
    TOM,
    Quay,
    clock,
    crew,
    forge,
    keys,
    quay,
    store,
)

SHOP = "shop/checkout"


@pytest.fixture
async def reviewed(quay: Quay) -> Quay:
    """A project with a merge request of ada's that nothing stands in the way of, and one that cannot be merged."""
    quay.forge.add_merge_request(
        SHOP, 12, title="Retry <!channel> card", approvals_left=1, reviewers=("mia", "tom"), labels=("payments",)
    )
    quay.clock.pass_by(minutes=1)
    quay.forge.add_merge_request(
        SHOP, 13, title="Drop the cache", draft=True, conflicts=True, obstacles=("it has conflicts", "it is a draft")
    )
    await quay.connect(MIA, "mia")
    return quay


__all__ = ["MIA", "SHOP", "TOM", "Quay", "clock", "crew", "forge", "keys", "quay", "reviewed", "store"]
