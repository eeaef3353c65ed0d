"""What a branch, tag or commit that somebody typed stands for now."""

from msgspec import Struct

from bot.catalog import Service
from bot.closest import closest
from bot.errors import BadInput, Degraded
from bot.reply import Button
from bot.toolbox import Toolbox
from integrations.capabilities.git import GitHost, Ref, RefKind
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    Refused as ToolRefused,
)


class Source(Struct, frozen=True, kw_only=True):
    """What a build is made of: the commit with its title, and the branch or tag that named it."""

    sha: str
    title: str = ""
    branch: str = ""
    version: str = ""


async def resolve(toolbox: Toolbox, service: Service, asked: str) -> Source:
    """Return the commit that a ref of a service stands for.

    Raises:
        BadInput: there is none (`unknown_ref`, with what was probably meant), there are several (`ambiguous_ref`), or
            it can be no name of one (`bad_ref`).
        Degraded: the Git host does not answer; nothing was started.
    """
    git = toolbox.get(GitHost, service.repository.instance)
    project = service.repository.project
    try:
        ref = await _find(git, project, asked)
        commit = await git.get_commit(project, ref.sha)
    except NotFound:
        raise await _unknown(git, service, asked) from None
    except ToolRefused as error:
        reason_code = "ambiguous_ref" if "ambiguous" in error.reason else "bad_ref"
        raise BadInput(reason_code, f"{asked} cannot be used: {error.reason}.") from None
    except IntegrationError as error:
        raise unreachable(error) from error
    return Source(
        sha=ref.sha,
        title=commit.title,
        branch=ref.name if ref.kind is RefKind.BRANCH else "",
        version=ref.name if ref.kind is RefKind.TAG else "",
    )


def unreachable(error: IntegrationError) -> Degraded:
    """Return what people are told when a tool is needed and gives no answer that could be used."""
    code, says = next(((code, says) for kind, code, says in _TROUBLE if isinstance(error, kind)), _AWAY)
    again = f" Try again in {max(1, round(error.retry_after))} s." if isinstance(error, RateLimited) else ""
    return Degraded(code, f"{error.instance} {says}: {error.message.rstrip('.')}. Nothing was started.{again}")


_AWAY = ("tool_unavailable", "does not answer")
_TROUBLE: tuple[tuple[type[IntegrationError], str, str], ...] = (
    (RateLimited, "rate_limited", "asks Shipmate to slow down"),
    (NotAuthenticated, "not_authenticated", "does not take Shipmate's credentials"),
    (NotPermitted, "not_permitted", "does not permit that to Shipmate"),
    (BadReply, "bad_reply", "answers what Shipmate cannot read"),
)


async def _find(git: GitHost, project: str, asked: str) -> Ref:
    try:
        return await git.resolve_ref(project, asked)
    except NotFound:
        if asked[:1].isdigit():  # people say 1.4.2 for v1.4.2
            return await git.resolve_ref(project, f"v{asked}")
        raise


async def _unknown(git: GitHost, service: Service, asked: str) -> BadInput:
    try:
        names = [ref.name for ref in await git.list_refs(service.repository.project)]
    except IntegrationError:
        names = []
    text = f"{asked} is no branch, tag or commit of {service.name}."
    near = closest(asked, names)
    if near is None:
        newest = ", ".join(names[:3])
        return BadInput("unknown_ref", f"{text} The newest are {newest}." if newest else text)
    move = Button(label=f"Build {near}"[:75], command="build run", args={"service": service.name, "ref": near})
    return BadInput("unknown_ref", f"{text} Did you mean {near}?", moves=(move,))
