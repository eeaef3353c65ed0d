"""Real servers for tests: PostgreSQL, Prometheus, Alertmanager and Chromium, each on a free port of this machine."""
