"""Shipmate's core: what must survive a crash. Slack edge, dispatch, permissions, audit and durable work."""
