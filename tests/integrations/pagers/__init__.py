"""Pagers: what they send, what comes back, and what goes wrong."""
