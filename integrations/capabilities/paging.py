"""Pager: ways to wake a person that are not Slack, and what comes back from them."""

import hashlib
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Way(StrEnum):
    """How somebody is paged."""

    PUSH = "push"
    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    EVENT = "event"
    """An event of another paging service, which pages people by rules of its own."""
    WEBHOOK = "webhook"


class Delivery(StrEnum):
    """How far a page has come, as the way that took it tells."""

    QUEUED = "queued"
    """Taken, and not yet at the person's device or mailbox as far as is known."""
    DELIVERED = "delivered"
    """At the person's device or mailbox, or the call was answered. Nobody has said yet that they are on it."""
    FAILED = "failed"
    """It will not arrive: another way is due at once."""


class Page(Struct, frozen=True, kw_only=True):
    """What a person is told.

    `id` is the name of this one page to this one person by one way: sent again with the same id, a target that can
    tell does not page twice. `subject` is what it is about, such as "A-7"; all pages of one trouble share it. `text`
    is plain, at most 500 characters; `spoken` is for voices: no ids, no signs. `url` is where to answer, "" for none.
    """

    id: str
    subject: str
    title: str
    text: str
    spoken: str = ""
    url: str = ""
    important: bool = False
    opened_at: datetime


class Receipt(Struct, frozen=True, kw_only=True):
    """What a way said to a page: its own reference of it, how far it has come, and why where it failed."""

    ref: str
    delivery: Delivery
    reason: str = ""


class PageAnswer(Struct, frozen=True, kw_only=True):
    """What came back from a page, in `WebhookEvent.data["answer"]` of kind "page.answer".

    `address` says who answered, in the form in which a page is sent there: a telephone number, a topic. `page` is the
    `Page.id` where the way tells it, else "". Then `code` is the `reply_code` that the person gave, or `subject` is
    what the answer is about; with neither it is about what that person was paged for last. `acknowledged` only where a
    person did something that cannot happen by itself: a key pressed, a reply, a button. That a call was taken is no
    answer, a mailbox does that too. Some ways cannot prove who pressed a button, only that it was at this address.
    """

    address: str
    page: str = ""
    code: str = ""
    subject: str = ""
    acknowledged: bool = False
    words: str = ""


def reply_code(page_id: str) -> str:
    """Return the six digits by which a person names a page in a reply."""
    return f"{int(hashlib.sha256(page_id.encode()).hexdigest(), 16) % 1_000_000:06d}"


@runtime_checkable
class Pager(Protocol):
    """Pages people by one or several ways.

    How far a page has come is told later as a `WebhookEvent` of kind "page.delivery" (`ref` is the receipt's, its
    data holds `receipt`: `Receipt`, and `page`: the `Page.id` or "") where the tool can tell, else by `look_up`.
    """

    @property
    def ways(self) -> AbstractSet[Way]:
        """The ways it offers, as configured."""
        ...

    async def page(self, way: Way, to: str, page: Page) -> Receipt:
        """Page the person behind an address: a number, a topic, a mailbox, a routing key, a URL.

        Raises:
            Refused: the address or the page is not taken; another way is due at once.
            OutcomeUnknown: it was sent and nothing came back; `look_up` tells, where the tool can be asked.
            IntegrationError: it was not sent, by kind.
        """
        ...

    async def look_up(self, way: Way, to: str, page_id: str) -> Receipt | None:
        """Return what became of a page, None where the tool has none of this id.

        Raises:
            OutcomeUnknown: the tool cannot be asked for a page (e-mail, a webhook): it may have arrived.
            IntegrationError: it cannot be told now, by kind.
        """
        ...

    async def settled(self, way: Way, to: str, subject: str, *, resolved: bool) -> None:
        """Tell a service that keeps troubles of its own that somebody is on this one, or that it is `resolved`.

        Safe to repeat; of a subject that it does not know, and where pages have no end, nothing happens.
        """
        ...
