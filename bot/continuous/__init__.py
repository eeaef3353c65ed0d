"""Continuous deployment: what reaches a branch goes to a place by itself, the newest first, one at a time."""
