"""`createItem`: a job or folder from its config.xml, as far as tests need it."""

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from aiohttp import web

from tests.servers.jenkins import pages
from tests.servers.jenkins.jobs import Job, ParameterDefinition

if TYPE_CHECKING:
    from tests.servers.jenkins.server import JenkinsServer

_KINDS = {
    "project": "freestyle",
    "flow-definition": "pipeline",
    "com.cloudbees.hudson.plugins.folder.Folder": "folder",
}


def create_item(server: "JenkinsServer", folder: Job | None, name: str, config: str) -> web.Response:
    """Make what the XML says, under the root or in a folder. What its builds do is in `scripts`, or set later."""
    jobs = folder.jobs if folder is not None else server.jobs
    if name in jobs:
        return pages.own_error(400, f"A job already exists with the name \u2018{name}\u2019")
    root = ET.fromstring(config)  # noqa: S314 -- written by the test itself
    kind = _KINDS.get(root.tag)
    if kind is None:
        return pages.own_error(500)
    full = f"{folder.full_name}/{name}" if folder is not None else name
    job = server.add_job(full, kind=kind, parameters=[_parameter(one) for one in _definitions(root)])
    job.script = server.scripts.get(name)
    job.description = root.findtext("description")
    job.config = f'<?xml version="1.0" encoding="UTF-8"?>{config.strip()}'
    return web.Response()


def _definitions(root: ET.Element) -> list[ET.Element]:
    found = root.find("properties/hudson.model.ParametersDefinitionProperty/parameterDefinitions")
    return list(found) if found is not None else []


def _parameter(element: ET.Element) -> ParameterDefinition:
    kind = element.tag.removeprefix("hudson.model.").removesuffix("ParameterDefinition")
    name, default = element.findtext("name") or "", element.findtext("defaultValue") or ""
    choices = tuple(one.text or "" for one in element.iter("string"))
    if kind == "Choice":
        return ParameterDefinition(kind, name, choices[0], choices)
    return ParameterDefinition(kind, name, default == "true" if kind == "Boolean" else default)
