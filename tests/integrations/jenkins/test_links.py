"""Addresses of Jenkins' own pages: which are recognised, and what is said of what is there."""

import pytest

from tests.integrations.jenkins import jobs
from tests.integrations.waiting import ended


async def test_what_is_behind_a_builds_page(jenkins, server):
    jobs.add(server, script=jobs.succeeds)
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    link = jenkins.recognise(f"{run.url}console?x=1")
    assert (link.kind, link.key) == ("build", "1")
    preview = await jenkins.preview(link)
    assert preview.title == f"{link.project} #1 succeeded"
    gone = jenkins.recognise(run.url.replace("/1/", "/77/"))
    assert await jenkins.preview(gone) is None


@pytest.mark.parametrize(
    "url",
    [
        "{0}/job/team/",
        "{0}/",
        "{0}/view/all/",
        "https://elsewhere.example/job/x/1/",
        "{0}.example/job/x/1/",
        "http://[",
    ],
)
async def test_other_addresses_are_not_recognised(jenkins, server, url):
    assert jenkins.recognise(url.format(server.url.rstrip("/"))) is None
