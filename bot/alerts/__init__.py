"""Alerts: what fires together has one message, from the first notification to its end."""
