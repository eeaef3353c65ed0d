"""Set up the webhook of a project. https://docs.gitlab.com/api/project_webhooks/."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gitlab

from integrations.errors import NotPermitted, Refused
from integrations.gitlab.part import Part

EVENTS: Final = (
    "push_events",
    "tag_push_events",
    "merge_requests_events",
    "pipeline_events",
    "job_events",
    "deployment_events",
    "issues_events",
    "note_events",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectHook:
    """A project's webhook, and what was done about it: "created", "repaired" or "kept"."""

    id: int
    project: str
    url: str
    events: Sequence[str]
    done: str


class Hooks(Part):
    """Creates and repairs webhooks."""

    async def ensure_hook(
        self, project: str, url: str, secret: str, events: Sequence[str] = EVENTS, *, signing_token: str = ""
    ) -> ProjectHook:
        """Make sure that the project tells `url` of exactly these events, with this secret token.

        With a `signing_token` (whsec_ and the base64 of 32 bytes) GitLab signs what it sends, where it can.

        GitLab does not show the secret of a hook, so it is written each time. TLS certificates are verified. A hook
        that GitLab switched off after failures is on again after that.

        Raises:
            Refused: an event is unknown, or GitLab said no (an address that it may not call, an archived project), or
                it is too old to sign.
            NotPermitted: the token's user is no maintainer of the project.
        """
        unknown = sorted(set(events) - set(EVENTS))
        if unknown:
            raise Refused(self.instance, f"{', '.join(unknown)} are no events of ours; these are: {', '.join(EVENTS)}")
        wanted: dict[str, Any] = {name: name in events for name in EVENTS}
        wanted |= {"url": url, "enable_ssl_verification": True}
        there = await self._api.read(functools.partial(self._hook_to, project, url))

        secrets = {"token": secret} | ({"signing_token": signing_token} if signing_token else {})

        def write(library: gitlab.Gitlab) -> Mapping[str, Any]:
            found, _ = self._project(library, project)
            if there is None:
                return found.hooks.create({**wanted, **secrets}).attributes
            return found.hooks.update(int(there["id"]), {**wanted, **secrets})

        try:
            written = await self._api.change(write, f"{project} -> {url}")
        except NotPermitted as error:
            raise await self._why_not(project, error) from error
        if signing_token and not written.get("signing_token_present"):
            raise Refused(
                self.instance, "this GitLab does not sign its webhooks: configure `webhook_token` and no signing token"
            )
        done = "created"
        if there is not None:
            same = all(there.get(name) == value for name, value in wanted.items())
            healthy = there.get("alert_status") in {None, "executable"}
            done = "kept" if same and healthy else "repaired"
        return ProjectHook(id=int(written["id"]), project=project, url=url, events=tuple(events), done=done)

    def _hook_to(self, project: str, url: str, library: gitlab.Gitlab) -> Mapping[str, Any] | None:
        found, _ = self._project(library, project)
        for one in found.hooks.list(iterator=True, per_page=100):
            if str(one.url).rstrip("/") == url.rstrip("/"):
                return one.attributes
        return None
