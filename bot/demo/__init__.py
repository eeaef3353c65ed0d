"""The demo: a local workspace, a sample service with a history, real places it runs on and a real Prometheus.

Everything is what it would be elsewhere, only small and on this machine: Shipmate is started by its own command line
and talks to the workspace as it would to Slack.
"""
