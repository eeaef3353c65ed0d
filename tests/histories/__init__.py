"""Concurrent histories of what several people and processes change at once, under faults, checked against models."""
