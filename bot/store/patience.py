"""How long PostgreSQL may take to answer: a connection whose packets vanish is given up, and does not hang for ever.

A server that is cut off sends nothing, not even an error, and TCP alone waits for many minutes.
Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen

from bot.store.connections import PATIENT

T = TypeVar("T")

ANSWER_SECONDS = 20.0
"""How long one statement may take; locks are waited for half as long."""
TCP: dict[str, int] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


class Connection(psycopg.AsyncConnection[Any]):
    """A connection that is closed when the server does not answer in time."""

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109 - the driver's
        """Do what the driver does, for so long.

        Raises:
            OperationalError: no answer came.
        """
        if timeout is not None or PATIENT.get():
            return await super().wait(gen, interval=interval, timeout=timeout)
        try:
            return await super().wait(gen, interval=interval, timeout=ANSWER_SECONDS)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - what the driver raises for `timeout`
            self.pgconn.finish()  # it waits for an answer that nobody reads any more
            raise psycopg.OperationalError(f"no answer within {ANSWER_SECONDS:g} seconds") from error


def connect_arguments(url: sa.URL) -> dict[str, Any]:
    """Return the driver's arguments for a connection of ours; what the URL says stays."""
    return {**tcp_arguments(url), "async_creator_fn": Connection.connect}


def tcp_arguments(url: sa.URL) -> dict[str, Any]:
    """Return how long the network may be silent; what the URL says stays."""
    return {name: value for name, value in TCP.items() if name not in url.query}
