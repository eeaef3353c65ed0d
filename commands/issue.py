"""`/issue`: create, list, assign and close issues of a service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated

from bot.amounts import count
from bot.catalog import Catalog, Service
from bot.closest import did_you_mean
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.errors import BadInput, UserError
from bot.grants.grants import Grants, Purpose
from bot.permissions import Permissions
from bot.reply import Button, Buttons, Headline, Markup, Paragraph, Reply, link, say
from bot.toolbox import Toolbox
from commands.choices import may_read, services
from integrations.capabilities.issues import Issue, IssueRequest, IssueTracker
from integrations.capabilities.personal_issues import PersonalIssues
from integrations.capabilities.persons import Grant
from integrations.errors import IntegrationError, NotFound, OutcomeUnknown

READ = "issue.read"
CHANGE = "issue.change"
MOST = 50
_TITLE = 255
_ME = "me"


async def keys(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the open issues of the chosen service; none while its tracker does not answer."""
    if not await may_read(call, READ, given):
        return []
    try:
        tracker, project, _ = _tracker(call, given.get("service", ""))
        found = await tracker.list_issues(project, limit=MOST)
    except (UserError, IntegrationError):
        return []
    titles = ((one.key, f"#{one.key} {one.title}") for one in found)
    return [Option(key, title[:75]) for key, title in titles if typed.lower().lstrip("#") in title.lower()]


@arguments
class CreateArgs:
    """What the issue says, and whose it is."""

    service: Annotated[str, arg("a service", options=services)]
    title: Annotated[str, arg("what it is about, in a line", rest=True, message="title")]
    body: Annotated[str | None, arg("more of it; Markdown", flag="--body", multiline=True, message="text")] = None
    assign: Annotated[str | None, arg('user name in the tracker, or "me"', flag="--assign")] = None
    label: Annotated[str | None, arg("labels, with commas between them", flag="--label")] = None


@arguments
class ListArgs:
    """Of which service, and whose."""

    service: Annotated[str, arg("a service", options=services)]
    of: Annotated[str | None, arg('only those of this user name in the tracker, or "me"', word="of")] = None
    limit: Annotated[int, arg(f"how many, at most {MOST}", flag="--limit")] = 15


@arguments
class AssignArgs:
    """Which one, to whom."""

    service: Annotated[str, arg("a service", options=services)]
    key: Annotated[str, arg("the issue, such as 12 or #12", options=keys)]
    user: Annotated[str, arg('user name in the tracker, or "me"', word="to")] = _ME


@arguments
class CloseArgs:
    """Which one."""

    service: Annotated[str, arg("a service", options=services)]
    key: Annotated[str, arg("the issue, such as 12 or #12", options=keys)]


@command(
    "issue create",
    permission=CHANGE,
    args=CreateArgs,
    effect=Effect.CHANGE,
    examples=("issue create checkout The card form forgets the year", "issue create checkout Slow start --assign me"),
)
async def create(call: Call, args: CreateArgs) -> Reply:
    """Create an issue, also from a message: by its shortcut, or a reaction on it."""
    tracker, project, service = _tracker(call, args.service)
    title = " ".join(args.title.split())
    if not 0 < len(title) <= _TITLE:
        raise BadInput("bad_title", f"A title has 1 to {_TITLE} characters; this one has {len(title)}.")
    account = await _account(call, tracker, service)
    request = IssueRequest(
        request_id=call.request_id,
        project=project,
        title=title,
        body=(args.body or "").strip() if account else _signed(call, args.body or ""),
        labels=tuple(label.strip() for label in (args.label or "").split(",") if label.strip()),
        assignee=await _user(call, service, args.assign) if args.assign else "",
    )

    async def make() -> Issue:
        if account and isinstance(tracker, PersonalIssues):
            return await _act(call, service, "create an issue", project, partial(tracker.create_issue_as, request))
        return await tracker.create_issue(request)

    try:
        issue = await make()
    except OutcomeUnknown:
        issue = await make()  # looks for what the first call made before it makes anything
    line = say("Created {} in *{}*{}{}", _named(issue), service.name, _of(issue), _by(account))
    return Reply(
        summary=f"Created issue #{issue.key} of {service.name}: {issue.title}",
        parts=(Paragraph(line), Buttons(_moves(service, issue))),
        share=True,
    )


@command(
    "issue list",
    permission=READ,
    args=ListArgs,
    effect=Effect.LOOKUP,
    examples=("issue list checkout", "issue list checkout of me"),
)
async def list_(call: Call, args: ListArgs) -> Reply:
    """List the open issues of a service, newest change first."""
    if not 1 <= args.limit <= MOST:
        raise BadInput("bad_limit", f"--limit is a number from 1 to {MOST}, not {args.limit}.")
    tracker, project, service = _tracker(call, args.service)
    user = await _user(call, service, args.of) if args.of else ""
    found = await tracker.list_issues(project, user, args.limit)
    whose = f" of @{user}" if user else ""
    if not found:
        words = say("No issue of *{}*{} is open.", service.name, whose)
        return Reply(summary=f"No issue of {service.name}{whose} is open", parts=(Paragraph(words),))
    first = f"{count(len(found), 'open issue')} of {service.name}{whose}"
    lines = tuple(Paragraph(say("{}{}{}", _named(one), _of(one), _labels(one))) for one in found[: MOST - 2])
    return Reply(summary=first, parts=(Headline(say("{}", first)), *lines))


@command(
    "issue assign",
    permission=CHANGE,
    args=AssignArgs,
    effect=Effect.CHANGE,
    examples=("issue assign checkout 12 to me",),
)
async def assign(call: Call, args: AssignArgs) -> Reply:
    """Make an issue somebody's."""
    tracker, project, service = _tracker(call, args.service)
    key = await _key(tracker, project, service, args.key)
    user = await _user(call, service, args.user)
    account = await _account(call, tracker, service)
    if account and isinstance(tracker, PersonalIssues):
        assigned = partial(tracker.assign_issue_as, project, key, user)
        issue = await _act(call, service, f"assign #{key}", f"{project}#{key}", assigned)
    else:
        issue = await tracker.assign_issue(project, key, user)
    line = say("{} of *{}* is assigned{}{}", _named(issue), service.name, _of(issue), _by(account))
    return Reply(
        summary=f"Issue #{issue.key} of {service.name} is assigned to {', '.join(issue.assignees)}",
        parts=(Paragraph(line), Buttons(_moves(service, issue))),
        share=True,
    )


@command(
    "issue close",
    permission=CHANGE,
    args=CloseArgs,
    effect=Effect.CHANGE,
    examples=("issue close checkout 12",),
)
async def close(call: Call, args: CloseArgs) -> Reply:
    """Close an issue; one that is closed already stays closed."""
    tracker, project, service = _tracker(call, args.service)
    key = await _key(tracker, project, service, args.key)
    account = await _account(call, tracker, service)
    if account and isinstance(tracker, PersonalIssues):
        closed = partial(tracker.close_issue_as, project, key)
        issue = await _act(call, service, f"close #{key}", f"{project}#{key}", closed)
    else:
        issue = await tracker.close_issue(project, key)
    return Reply(
        summary=f"Issue #{issue.key} of {service.name} is closed",
        parts=(Paragraph(say("{} of *{}* is closed{}", _named(issue), service.name, _by(account))),),
        share=True,
    )


def _tracker(call: Call, name: str) -> tuple[IssueTracker, str, Service]:
    """Return where a service's issues are: its tracker, the tracker's project, the service."""
    service = call.use(Catalog).service(name)
    return call.use(Toolbox).get(IssueTracker, service.issues.instance), service.issues.project, service


async def _account(call: Call, tracker: IssueTracker, service: Service) -> str:
    """Return the account by which this person changes issues as themselves, "" where Shipmate does it for them."""
    if not isinstance(tracker, PersonalIssues):
        return ""
    return await call.use(Grants).username(call.person, service.issues.instance)


async def _act(
    call: Call, service: Service, what: str, subject: str, change: Callable[[Grant], Awaitable[Issue]]
) -> Issue:
    """Change an issue as the person, by their own grant."""
    purpose = Purpose(
        action=f"issue {what.partition(' ')[0]}",
        what=what,
        subject=subject,
        resource=Resource(service.name),
        request_id=call.request_id,
    )
    return await call.use(Grants).act(call.person, service.issues.instance, purpose, change)


async def _key(tracker: IssueTracker, project: str, service: Service, text: str) -> str:
    """Return the key of an issue that is there.

    Raises:
        BadInput: `unknown_issue`, with those that are open.
    """
    key = text.strip().lstrip("#").rstrip("/").rsplit("/", 1)[-1]
    try:
        return (await tracker.get_issue(project, key)).key
    except NotFound as error:
        found = await tracker.list_issues(project, limit=MOST)
        hint = did_you_mean(key, [one.key for one in found]) or "None is open."
        raise BadInput("unknown_issue", f"{service.name} has no issue #{key[:40]}. {hint}") from error


async def _user(call: Call, service: Service, text: str) -> str:
    """Return the user name that a word means; "me" is the linked account, else what the configuration says."""
    word = text.strip().removeprefix("@")
    if word.casefold() != _ME:
        return word
    instance = service.issues.instance
    mine = await call.use(Grants).username(call.person, instance)
    mine = mine or call.use(Permissions).account_of(call.person, instance)
    if not mine:
        raise BadInput(
            "unknown_account",
            f"Who you are in {instance} is not known: write your user name there, or connect your account.",
            moves=(Button(label=f"Connect {instance}…", command="connect", args={"instance": instance}),),
        )
    return mine


def _signed(call: Call, body: str) -> str:
    """Return the text with who asked: the tracker shows Shipmate's own account as the author."""
    who = call.invocation.person_name or call.use(Permissions).name_of(call.person)
    return f"{body.strip()}\n\nAsked for by {who} in Slack.".strip()


def _moves(service: Service, issue: Issue) -> tuple[Button, ...]:
    args = {"service": service.name, "key": issue.key}
    mine = () if issue.assignees else (Button(label="Assign to me", command="issue assign", args=args),)
    return (*mine, Button(label="Close", command="issue close", args=args), Button(label="Open", url=issue.url))


def _named(issue: Issue) -> Markup:
    return link(issue.url, f"#{issue.key} {issue.title}")


def _by(account: str) -> Markup:
    return say(" · done as @{}", account) if account else Markup("")


def _of(issue: Issue) -> Markup:
    return say(" · @{}", ", @".join(issue.assignees)) if issue.assignees else Markup("")


def _labels(issue: Issue) -> Markup:
    return say(" · {}", ", ".join(issue.labels)) if issue.labels else Markup("")
