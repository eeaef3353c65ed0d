"""A stand-in for Jenkins: stateful, on a free port, checked exchange by exchange against a recorded 2.263.4.

    async with JenkinsServer() as jenkins:
        job = jenkins.add_job("team/checkout", parameters=[text("SHIPMATE_REQUEST_ID")], script=command("make"))
        ...                      # point a client at jenkins.url with jenkins.username and jenkins.token
        jenkins.job("team/checkout").builds[1].finish("SUCCESS")

A job's `script` is what its builds do: a coroutine function that gets the `Build`, or `command(…)`, which runs a real
program in a workspace of its own with the parameters in its environment. Without one a build goes on until the test
calls `build.finish`. What goes wrong is up to the test: see `Faults` and the methods of `JenkinsServer`.
"""

from tests.servers.jenkins.builds import Build, Script, command
from tests.servers.jenkins.jobs import Job, ParameterDefinition, boolean, choice, password, text
from tests.servers.jenkins.server import JenkinsServer

__all__ = [
    "Build",
    "JenkinsServer",
    "Job",
    "ParameterDefinition",
    "Script",
    "boolean",
    "choice",
    "command",
    "password",
    "text",
]
