"""The adapter: all of GitLab's parts on one way to it."""

from contextlib import suppress
from typing import Any

import gitlab

from integrations.contract import Pong, Resources
from integrations.errors import NotFound, NotPermitted
from integrations.gitlab.api import Api
from integrations.gitlab.delivery import Delivery
from integrations.gitlab.deploys import Deploys
from integrations.gitlab.hooks import Hooks
from integrations.gitlab.links import Links
from integrations.gitlab.persons import Persons
from integrations.gitlab.releases import Releases
from integrations.gitlab.reports import Reports
from integrations.gitlab.settings import GitLabSettings


async def connect(instance: str, settings: GitLabSettings, resources: Resources) -> "GitLab":
    """Return the adapter of one instance; nothing is asked yet."""
    return GitLab(Api(instance, settings, resources))


class GitLab(Links, Deploys, Releases, Reports, Delivery, Persons, Hooks):
    """Everything that the declaration says it provides."""

    async def ping(self) -> Pong:
        """Return GitLab's version, whose the token is, and what it may do until when."""

        def ask(library: gitlab.Gitlab) -> Pong:
            version: Any = library.http_get("/version")
            user: Any = library.http_get("/user")
            about = ""
            with suppress(NotFound, NotPermitted):  # no personal, project or group access token: it cannot tell
                token: Any = library.http_get("/personal_access_tokens/self")
                scopes = ", ".join(map(str, token["scopes"]))
                until = f", until {token['expires_at']}" if token.get("expires_at") else ""
                about = f"the token {token['name']!r} with the scopes {scopes}{until}"
                if "api" not in token["scopes"]:
                    self._api.about_token = about
                    about += "; pipelines, deployments, issues and webhooks need the scope api"
                else:
                    self._api.about_token = about
            return Pong(version=str(version["version"]), identity=str(user["username"]), detail=about)

        return await self._api.read(ask)

    async def close(self) -> None:
        """Close connections and let the threads end."""
        self._api.close()
