"""What is kept: engine, transactions, column types and migrations. No word of any domain stands here."""

from bot.store.columns import ChannelColumn, JsonColumn, PersonColumn, Timestamp
from bot.store.counters import next_id
from bot.store.database import Store
from bot.store.errors import StoreMismatch, StoreUnavailable
from bot.store.tables import begins_with, insert, key_text, metadata, one_of
from bot.store.transaction import Tx

__all__ = [
    "ChannelColumn",
    "JsonColumn",
    "PersonColumn",
    "Store",
    "StoreMismatch",
    "StoreUnavailable",
    "Timestamp",
    "Tx",
    "begins_with",
    "insert",
    "key_text",
    "metadata",
    "next_id",
    "one_of",
]
