"""Signing in at the company's identity provider, where a click in Slack proves too little.

`provider` asks it (OpenID Connect), `tokens` validates what it says, `rules` decides what that proves, `signing` leads
from the link to the vote, `page` shows it to a browser, `groups` are memberships that it tells.
"""
