"""Tests of the local workspace, by real Slack clients from the outside."""
