"""What every part of the adapter stands on: the way to GitLab, and how our references name a pipeline."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gitlab
from gitlab.v4.objects import Project

from integrations.capabilities.persons import Grant
from integrations.capabilities.runs import RunRef
from integrations.errors import NotFound, NotPermitted, Refused
from integrations.gitlab.api import Api, Place

_T = TypeVar("_T")
_REF = re.compile(r"([1-9][0-9]{0,18})/([1-9][0-9]{0,18})")
_FULL_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Part:
    """A part of the adapter: one noun of GitLab's. The parts share one `Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._api.instance

    def _project(self, library: gitlab.Gitlab, name: str) -> tuple[Project, Place]:
        """Return the library's project of this name, named by its id, and what is known of it."""
        place = self._api.locate(library, name)
        return library.projects.get(place.id, lazy=True), place

    def _ref(self, project_id: int, pipeline_id: int) -> RunRef:
        return RunRef(self.instance, f"{project_id}/{pipeline_id}")

    def _ids(self, ref: RunRef) -> tuple[int, int]:
        """Return the ids of project and pipeline that a reference names. Raises: NotFound."""
        found = _REF.fullmatch(ref.id)
        if ref.instance != self.instance or found is None:
            raise NotFound(self.instance, f"{str(ref)[:200]!r} names no pipeline of this GitLab")
        return int(found[1]), int(found[2])

    def _must_be_full(self, *shas: str) -> None:
        for sha in shas:
            if not _FULL_SHA.fullmatch(sha):
                raise Refused(self.instance, f"{sha[:80]!r} is not a full commit SHA; resolve it first")

    async def _change(self, change: Callable[[gitlab.Gitlab], _T], request_id: str, grant: Grant | None) -> _T:
        """Ask for a change: as the person whose grant this is, else with our token."""
        if grant is None:
            return await self._api.change(change, request_id)
        return await self._api.change_as(grant.access_token.get_secret_value(), change, request_id)

    def _hidden(self, project: str, error: NotFound, grant: Grant | None) -> NotFound | Refused:
        """Return what it means that something is not there: a person may not see all that we see."""
        if grant is None:
            return error
        return Refused(self.instance, f"GitLab does not show {project} to this person: they are no member of it")

    async def _why_not(self, project: str, error: NotPermitted, grant: Grant | None = None) -> NotPermitted | Refused:
        """Return the better reason for a change that was forbidden: in an archived project everything is."""

        def look(library: gitlab.Gitlab) -> Mapping[str, Any]:
            return library.projects.get(self._api.locate(library, project).id).attributes

        if (await self._api.read(look)).get("archived"):
            return Refused(self.instance, f"{project} is archived: nothing in it can be changed; unarchive it first")
        return error if grant is None else Refused(self.instance, f"this person may not do that: {error.message}")
