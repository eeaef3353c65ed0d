"""The contract of AlertSource and AlertSilencer."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from integrations.capabilities.alerts import AlertSilencer, AlertSource, Matcher, Silence
from integrations.contract import Adapter
from integrations.errors import NotFound, Refused

EVIL = '<!here> *hello* "quoted" back\\slash\nnew line ü'
LABELS = {"alertname": "HighErrorRate", "service": "checkout", "note": EVIL}
OTHER = {"alertname": "DiskFull", "instance": "node-1"}


def silence(*matchers: Matcher, **more) -> Silence:
    now = datetime.now(UTC)
    values = {"starts_at": now, "ends_at": now + timedelta(hours=1), "created_by": "mia", "comment": "noise (S-1)"}
    return Silence(id="", matchers=matchers, **{**values, **more})


class AlertsContract:
    """Derive from it and override `source` and `fire`, which lets alerts with these sets of labels fire."""

    @pytest.fixture
    def source(self):
        raise NotImplementedError

    @pytest.fixture
    async def firing(self, source, fire):
        """Let both alerts fire, and return what tells the groups once both are there."""
        await fire(LABELS, OTHER)
        for _ in range(3000):
            groups = {one.labels["alertname"]: one for one in await source.alert_groups()}
            if len(groups) == 2:
                return groups
            await asyncio.sleep(0.01)
        raise AssertionError("the alerts never fired")

    async def test_is_an_adapter_that_answers(self, source):
        assert isinstance(source, Adapter)
        assert isinstance(source, AlertSource)
        assert isinstance(source, AlertSilencer)
        assert (await source.ping()).version
        assert (await source.running_since()).tzinfo is not None

    async def test_what_fires_comes_in_groups_with_its_labels_as_they_are(self, firing):
        (alert,) = firing["HighErrorRate"].alerts
        assert alert.labels == LABELS
        assert (alert.firing, alert.ends_at, alert.silenced_by, alert.inhibited) == (True, None, (), False)
        assert alert.fingerprint
        assert alert.starts_at.tzinfo is not None

    @pytest.mark.parametrize(
        ("matcher", "found"),
        [
            (Matcher("service", "checkout"), {"HighErrorRate"}),
            (Matcher("service", "checkout", is_equal=False), {"DiskFull"}),
            (Matcher("service", "check.*", is_regex=True), {"HighErrorRate"}),
            (Matcher("service", "check", is_regex=True), set()),
            (Matcher("instance", "node-.", is_regex=True, is_equal=False), {"HighErrorRate"}),
            (Matcher("note", EVIL), {"HighErrorRate"}),
        ],
        ids=["equal", "not-equal", "regex", "regex-is-anchored", "not-regex", "odd-characters"],
    )
    async def test_matchers_tell_what_a_silence_is_about(self, source, firing, matcher, found):
        assert {one.labels["alertname"] for one in await source.matching([matcher])} == found

    async def test_a_silence_mutes_is_changed_and_ends(self, source, firing):
        ident = await source.put_silence(silence(Matcher("service", "checkout"), Matcher("note", EVIL)))
        (muted,) = await source.matching([Matcher("service", "checkout")])
        assert muted.silenced_by == (ident,)
        (known,) = [one for one in await source.silences() if one.id == ident]
        assert (known.created_by, known.comment, known.state) == ("mia", "noise (S-1)", "active")
        assert set(known.matchers) == {Matcher("service", "checkout"), Matcher("note", EVIL)}
        longer = replace(known, ends_at=known.ends_at + timedelta(hours=1))
        ident = await source.put_silence(longer)
        (known,) = [one for one in await source.silences() if one.id == ident]
        assert abs(known.ends_at - longer.ends_at) < timedelta(seconds=1)
        await source.end_silence(ident)
        await source.end_silence(ident)
        assert ident not in {one.id for one in await source.silences()}
        (loud,) = await source.matching([Matcher("service", "checkout")])
        assert loud.silenced_by == ()

    async def test_a_silence_that_cannot_be_is_refused_with_a_reason(self, source):
        now = datetime.now(UTC)
        over = {"starts_at": now - timedelta(hours=2), "ends_at": now - timedelta(hours=1)}
        for wrong in (silence(Matcher("a", "b"), **over), silence(Matcher("a", ".*", is_regex=True))):
            with pytest.raises(Refused) as refused:
                await source.put_silence(wrong)
            assert refused.value.reason

    async def test_what_never_was_cannot_be_ended(self, source):
        with pytest.raises(NotFound):
            await source.end_silence("00000000-0000-4000-8000-000000000000")
