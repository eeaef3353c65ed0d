"""Alerts: from a notification to the channel and back."""
