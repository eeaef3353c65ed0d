"""DeliveryBoard: our deployments and checks, written where people look for them in GitLab.

https://docs.gitlab.com/api/deployments/, https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
"""

import functools
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import gitlab

from integrations.capabilities.delivery import Delivered, DeliveryNote
from integrations.capabilities.git import CheckState
from integrations.errors import NotFound, NotPermitted, Refused
from integrations.gitlab.api import Api
from integrations.gitlab.part import Part

_REMEMBERED = 1000
_STATUS: Final = {
    Delivered.RUNNING: "running",
    Delivered.SUCCEEDED: "success",
    Delivered.FAILED: "failed",
    Delivered.CANCELLED: "canceled",
}
_GOES_ON: Final = {"created", "running", "blocked"}
_CHECK: Final = {CheckState.PENDING: "running", CheckState.PASSED: "success", CheckState.FAILED: "failed"}
_MOST_WORDS = 255  # GitLab's limit on a status's description


class Delivery(Part):
    """Writes deployments and commit statuses."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._entries: OrderedDict[str, int] = OrderedDict()

    @property
    def check_name(self) -> str:
        """What the configuration calls the statuses of deployed commits, "" for none."""
        return self._api.settings.commit_status

    async def show_deployment(self, note: DeliveryNote) -> None:
        """Create or change GitLab's entry of a deployment; an entry that is final there stays as it is.

        GitLab keeps no id of ours with a deployment. After a restart the entry is the one that goes on at this
        environment, of this commit, and was written without a job.

        Raises:
            Refused: GitLab said no, such as for an archived project or an unknown commit.
            OutcomeUnknown: sent, no answer; the same call looks first.
        """
        entry = await self._api.read(functools.partial(self._entry, note))
        status = _STATUS[note.state]
        if entry is not None and entry["status"] not in _GOES_ON:
            return
        if entry is not None and entry["status"] == status:
            return

        def write(library: gitlab.Gitlab) -> int:
            project, _ = self._project(library, note.project)
            if entry is not None:
                project.deployments.update(int(entry["id"]), {"status": status})
                return int(entry["id"])
            asked = {
                "environment": note.environment,
                "sha": note.sha,
                "ref": note.ref,
                "tag": note.is_tag,
                "status": status,
            }
            return int(project.deployments.create(asked).id)

        try:
            self._remember_entry(note.deployment, await self._api.change(write, note.deployment))
        except NotPermitted as error:
            raise await self._why_not(note.project, error) from error
        except NotFound as error:
            raise Refused(self.instance, error.message) from error

    async def set_check(
        self, project: str, sha: str, name: str, state: CheckState, text: str = "", url: str = ""
    ) -> None:
        """Say how a commit fares under `name`; what it says already is not said again.

        GitLab makes another entry of a status that is over, and refuses one that goes on as it does ("Cannot transition
        status").

        Raises:
            Refused: GitLab said no, such as for an archived project or an unknown commit.
            NotPermitted: the token may not.
            OutcomeUnknown: sent, no answer; the same call looks first.
        """
        self._must_be_full(sha)
        wanted = _CHECK[state]
        if await self._api.read(functools.partial(self._says, project, sha, name)) == (wanted, url):
            return
        body = {"state": wanted, "name": name}
        body |= {"description": text[:_MOST_WORDS]} if text else {}
        body |= {"target_url": url} if url else {}

        def write(library: gitlab.Gitlab) -> None:
            self._project(library, project)[0].commits.get(sha, lazy=True).statuses.create(body)

        try:
            await self._api.change(write, f"{project}@{sha}:{name}")
        except NotPermitted as error:
            raise await self._why_not(project, error) from error
        except NotFound as error:
            raise Refused(self.instance, error.message) from error
        except Refused as error:
            if "transition" not in error.reason:  # what it is already, it cannot become
                raise

    def _says(self, project: str, sha: str, name: str, library: gitlab.Gitlab) -> tuple[str, str] | None:
        """Return the newest status of this name, and its link; None when there is none."""
        commit = self._project(library, project)[0].commits.get(sha, lazy=True)
        try:
            listed = commit.statuses.list(name=name, order_by="id", sort="desc", per_page=100, get_all=False)
        except NotFound:
            return None  # what is not there is told by the attempt to write
        newest = max(listed, key=lambda one: int(one.id), default=None)
        return None if newest is None else (str(newest.status), str(newest.target_url or ""))

    def _remember_entry(self, deployment: str, entry: int) -> None:
        self._entries[deployment] = entry
        while len(self._entries) > _REMEMBERED:
            self._entries.popitem(last=False)

    def _entry(self, note: DeliveryNote, library: gitlab.Gitlab) -> Mapping[str, Any] | None:
        """Return GitLab's entry of this deployment, None when there is none."""
        project, _ = self._project(library, note.project)
        known = self._entries.get(note.deployment)
        if known is not None:
            return project.deployments.get(known).attributes
        listed = project.deployments.list(
            environment=note.environment, order_by="id", sort="desc", per_page=20, get_all=False
        )
        for one in listed:
            about = one.attributes
            if about.get("deployable") is None and about["sha"] == note.sha and about["ref"] == note.ref:
                final = about["status"] not in _GOES_ON
                if not final or about["status"] == _STATUS[note.state]:
                    return about
                return None
        return None
