"""Hostile input at every door, and what must never come out again."""
