"""`Trying`: pages somebody by each of their ways, to see which of them work, and reports what each told."""

import asyncio
import hashlib

import structlog

from bot.errors import UserError
from bot.identity import Person
from bot.paging import choosing, messages
from bot.paging.parts import Parts
from bot.paging.slack import Slack
from bot.reply import Message, Paragraph, Reply, joined, say
from bot.settings.paging import Address, Way
from integrations.capabilities.paging import Delivery, Page, Pager, Way as PagerWay
from integrations.errors import IntegrationError, OutcomeUnknown

SECONDS = 15.0
"""How long one way may take to answer."""
_SLACK_SECONDS = 8.0
_LOOK_SECONDS = 0.1
_TOLD = {
    Delivery.QUEUED: "taken; it should come any moment",
    Delivery.DELIVERED: "delivered",
    Delivery.FAILED: "failed",
}

log = structlog.get_logger()


class Trying:
    """Sends test pages. Nothing follows from them, and an answer to one changes nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._slack = Slack(parts)

    async def page(self, asker: Person, person: Person, request_id: str) -> Reply:
        """Page a person by each of their ways at once; return what each told."""
        name_of = self._parts.permissions.name_of
        reached = choosing.paged(self._parts.settings(), self._parts.permissions, person)
        test = hashlib.sha256(request_id.encode()).hexdigest()[:10]
        tried = [self._in_slack(person, asker, test)]
        tried += [self._by(way, address, asker, test) for way, address in reached.addresses.items()]
        told = await asyncio.gather(*tried)
        ways = [Way.SLACK, *reached.addresses]
        lines = [say("• {}: {}", messages.way(way), words) for way, (_, words) in zip(ways, told, strict=True)]
        works = sum(good for good, _ in told)
        head = f"Test page to @{name_of(person)}: {works} of {len(told)} ways took it"
        if len(told) == 1:
            lines.append(say("Slack is the only way: others stand under paging.people in the configuration."))
        log.info("paging.tested", person=person.key, ways=len(told), works=works)
        return Reply(summary=head, parts=(Paragraph(joined("\n", [say("*{}*", head), *lines])),))

    async def _in_slack(self, person: Person, asker: Person, test: str) -> tuple[bool, str]:
        line = say("This is a test page, asked for by @{}. Nothing is wrong.", self._parts.permissions.name_of(asker))
        message = Message(summary="Test page: nothing is wrong", parts=(Paragraph(line),))
        key = f"test/{test}/{person.key}"
        async with self._parts.store.write() as tx:
            await self._parts.outbox.say_now(tx, key, person, message)
        until = self._parts.clock.monotonic() + _SLACK_SECONDS
        while True:
            async with self._parts.store.read() as conn:
                why = await self._slack.why_not_said(conn, key)
            if not why:
                return True, "Slack has it; that is no delivery"
            if self._parts.clock.monotonic() > until:
                return False, f"{why}; the message follows when it does"
            await self._parts.clock.sleep(_LOOK_SECONDS)

    async def _by(self, way: Way, address: Address, asker: Person, test: str) -> tuple[bool, str]:
        to, name = address.to.get_secret_value(), self._parts.permissions.name_of(asker)
        page = Page(
            id=f"test.{test}.{way.value}",
            subject=f"test-{test}",
            title="Test page",
            text=f"This is a test, asked for by {name}. Nothing is wrong.",
            spoken="This is a test. Nothing is wrong.",
            opened_at=self._parts.clock.now(),
        )
        try:
            pager = self._parts.toolbox.get(Pager, address.instance)
            async with asyncio.timeout(SECONDS):
                receipt = await pager.page(PagerWay(way.value), to, page)
                if way in {Way.EVENT, Way.WEBHOOK}:
                    await pager.settled(PagerWay(way.value), to, page.subject, resolved=True)
        except (TimeoutError, OutcomeUnknown):
            return False, "no answer came: it may have arrived"
        except (IntegrationError, UserError) as error:
            words = error.message if isinstance(error, IntegrationError) else error.text
            return False, f"failed: {words.replace(to, '***')}"[:300]
        words = f"{_TOLD[receipt.delivery]}: {receipt.reason}" if receipt.reason else _TOLD[receipt.delivery]
        return receipt.delivery is not Delivery.FAILED, words.replace(to, "***")[:300]
