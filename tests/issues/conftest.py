"""The quay of the grants' tests, where people also keep issues."""

from tests.grants.conftest import clock, crew, forge, keys, quay, store

__all__ = ["clock", "crew", "forge", "keys", "quay", "store"]
