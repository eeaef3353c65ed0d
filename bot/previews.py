"""`Previews`: what is behind a link to a connected tool, for the person who posted it and whoever reads along."""

import structlog

from bot.catalog import Catalog, Service
from bot.command import Resource
from bot.identity import Person
from bot.permissions import Permissions
from bot.reply import Headline, Markup, Message, Note, Paragraph, Part, escape, link as linked
from bot.toolbox import Toolbox
from integrations.capabilities.links import Link, LinkReader
from integrations.errors import IntegrationError

PERMISSION = "deployment.read"

log = structlog.get_logger()


class Previews:
    """Shows merge requests, pipelines, builds and commits of services that the catalog knows, and nothing else.

    Our token sees more than the catalog names; what is not in it is not shown in a channel.
    """

    def __init__(self, toolbox: Toolbox, permissions: Permissions) -> None:
        self._toolbox = toolbox
        self._permissions = permissions

    async def of(self, catalog: Catalog, person: Person, url: str) -> Message | None:
        """Return what to show below a link; None where there is nothing, or the person may not read it."""
        for instance, adapter in self._toolbox.adapters().items():
            if not isinstance(adapter, LinkReader):
                continue
            found = adapter.recognise(url)
            if found is None:
                continue
            service = _service_of(catalog, instance, found)
            if service is None:
                return None
            if not (await self._permissions.check(person, PERMISSION, Resource(service.name))).allowed:
                return None
            return await self._read(adapter, found, service)
        return None

    async def _read(self, reader: LinkReader, found: Link, service: Service) -> Message | None:
        try:
            preview = await reader.preview(found)
        except IntegrationError as error:
            log.info("preview.failed", instance=error.instance, kind=found.kind, error=str(error))
            return None
        if preview is None:
            return None
        parts: list[Part] = [Headline(linked(found.url, preview.title))]
        if preview.text:
            parts.append(Paragraph(escape(preview.text)))
        facts = [escape(fact) for fact in (service.name, *preview.facts) if fact]
        parts.append(Note(Markup(" · ".join(facts))))
        return Message(summary=preview.title, parts=tuple(parts))


def _service_of(catalog: Catalog, instance: str, found: Link) -> Service | None:
    for service in catalog.services():
        if service.lives_at(instance, found.project):
            return service
        if service.builds_at(instance, found.project) or service.deploys_at(instance, found.project):
            return service
    return None
