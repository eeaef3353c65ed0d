"""The Slack edge: what arrives, what leaves, and how it looks. The only package that imports Slack's libraries."""
