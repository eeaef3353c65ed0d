"""Typed async adapters to the tools of the field. A leaf: knows nothing of Slack, commands or deployments."""
