"""FakeForge: merge requests, issues and people's own grants in memory, verified by the suites of these capabilities."""

import base64
import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from msgspec.structs import replace
from pydantic import SecretStr

from integrations.capabilities.issues import Issue, IssueRequest
from integrations.capabilities.merge_requests import MergeRequest, MergeState
from integrations.capabilities.persons import Account, Grant
from integrations.contract import Pong
from integrations.errors import IntegrationError, NotAuthenticated, NotFound, OutcomeUnknown, Refused

SIGN_IN = "https://forge.example/oauth/authorize"
LASTS = timedelta(hours=2)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class _Tokens:
    """One pair of tokens. As at GitLab, the refresh token works until the pair that came of it is used."""

    account: Account
    access: str
    refresh: str
    expires_at: datetime
    alive: bool = True
    before: "_Tokens | None" = None


class FakeForge:
    """A tool in which people decide as themselves. `failure`, when set, is raised by every call.

    `lost` makes the next merge or creation take effect and its answer get lost. `calls` counts calls by name.
    """

    def __init__(
        self,
        instance: str = "forge",
        *,
        now: Callable[[], datetime] = lambda: datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        self._instance = instance
        self._now = now
        self._numbers = itertools.count(1)
        self._codes: dict[str, tuple[Account, str, str]] = {}
        self._pairs: list[_Tokens] = []
        self._issues: dict[tuple[str, str], Issue] = {}
        self._requests: dict[str, tuple[str, str]] = {}
        self.bodies: dict[tuple[str, str], str] = {}
        self.accounts: dict[str, Account] = {}
        self.merge_requests: dict[tuple[str, int], MergeRequest] = {}
        self.may_merge: set[str] = set()
        self.failure: IntegrationError | None = None
        self.configured = True
        self.lost = False
        self.calls: dict[str, int] = {}
        self.before_renewal: Callable[[], None] = lambda: None
        self.add_account("ada", "ada@example.org")

    @property
    def instance(self) -> str:
        return self._instance

    async def ping(self) -> Pong:
        self._answer("ping")
        return Pong(version="fake", identity="fake")

    async def close(self) -> None:
        self.failure = None

    def _answer(self, call: str) -> None:
        self.calls[call] = self.calls.get(call, 0) + 1
        if self.failure is not None:
            raise self.failure

    # What happens in the tool itself

    def add_account(self, username: str, email: str, *, name: str = "") -> Account:
        """Let somebody have an account."""
        account = Account(
            id=str(len(self.accounts) + 1),
            username=username,
            name=name or username.title(),
            email=email,
            url=f"https://forge.example/{username}",
        )
        self.accounts[username] = account
        return account

    def sign_in(self, url: str, username: str, *, agreed: bool = True) -> str:
        """Sign in as somebody at the address that a browser was sent to; return where it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if not agreed:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = f"code-{next(self._numbers)}"
        self._codes[code] = (self.accounts[username], asked["redirect_uri"], asked["code_challenge"])
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def revoke_all(self, username: str) -> None:
        """Have somebody take back, in the tool itself, all that they lent."""
        for pair in self._pairs:
            if pair.account.username == username:
                pair.alive = False

    def alive(self, username: str) -> int:
        """Return how many pairs of tokens of somebody work."""
        return sum(pair.alive for pair in self._pairs if pair.account.username == username)

    def tokens(self) -> list[str]:
        """Return every token there ever was."""
        return [token for pair in self._pairs for token in (pair.access, pair.refresh)]

    def add_merge_request(self, project: str, number: int, **fields: object) -> MergeRequest:
        """Open a merge request."""
        values: dict[str, object] = {
            "project": project,
            "number": number,
            "title": f"Change {number}",
            "url": f"https://forge.example/{project}/-/merge_requests/{number}",
            "state": MergeState.OPEN,
            "author": "ada",
            "source": f"feature-{number}",
            "target": "main",
            "sha": hashlib.sha1(f"{project}!{number}".encode(), usedforsecurity=False).hexdigest(),
            "created_at": self._now(),
            "updated_at": self._now(),
        }
        found = MergeRequest(**{**values, **fields})  # type: ignore[arg-type]  # a test names fields as they are
        self.merge_requests[project, number] = found
        return found

    def change(self, project: str, number: int, **fields: object) -> MergeRequest:
        """Have something happen to a merge request."""
        old = self.merge_requests[project, number]
        new = replace(old, **{"updated_at": self._now(), **fields})
        self.merge_requests[project, number] = new
        return new

    # PersonalAccess

    def sign_in_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        if not self.configured:
            raise Refused(self._instance, "no OAuth application is configured")
        query = {"redirect_uri": redirect_uri, "state": state, "code_challenge": challenge}
        return f"{SIGN_IN}?{urlencode(query)}"

    async def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant:
        self._answer("redeem")
        account, wanted, challenge = self._codes.pop(code, (None, "", ""))
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if account is None or wanted != redirect_uri or digest != challenge:
            raise Refused(self._instance, "invalid_grant")
        return self._lend(account)

    async def renew(self, grant: Grant) -> Grant:
        self._answer("renew")
        self.before_renewal()
        refresh = grant.refresh_token.get_secret_value() if grant.refresh_token else ""
        pair = next((one for one in self._pairs if one.alive and one.refresh == refresh), None)
        if pair is None:
            raise NotAuthenticated(self._instance, "invalid_grant")
        return self._lend(pair.account, before=pair)

    async def revoke(self, grant: Grant) -> None:
        self._answer("revoke")
        for pair in self._pairs:
            if pair.access == grant.access_token.get_secret_value():
                pair.alive = False

    async def whose(self, grant: Grant) -> Account:
        self._answer("whose")
        return self._as(grant)

    async def find_account(self, email: str) -> Account | None:
        self._answer("find_account")
        return next((one for one in self.accounts.values() if one.email == email), None)

    def _lend(self, account: Account, before: _Tokens | None = None) -> Grant:
        number = next(self._numbers)
        pair = _Tokens(account, f"access-{number}-secret", f"refresh-{number}-secret", self._now() + LASTS)
        pair.before = before
        self._pairs.append(pair)
        return Grant(
            access_token=SecretStr(pair.access),
            refresh_token=SecretStr(pair.refresh),
            expires_at=pair.expires_at,
            scopes=("api",),
        )

    def _as(self, grant: Grant) -> Account:
        token = grant.access_token.get_secret_value()
        pair = next((one for one in self._pairs if one.access == token), None)
        if pair is None or not pair.alive or self._now() >= pair.expires_at:
            raise NotAuthenticated(self._instance, "invalid_token")
        if pair.before is not None:
            pair.before.alive = False
        return pair.account

    # MergeRequests

    async def list_merge_requests(
        self, project: str, state: MergeState = MergeState.OPEN, limit: int = 20
    ) -> Sequence[MergeRequest]:
        self._answer("list_merge_requests")
        found = [one for (of, _), one in self.merge_requests.items() if of == project and one.state is state]
        return sorted(found, key=lambda one: (one.updated_at or _LONG_AGO, one.number), reverse=True)[:limit]

    async def get_merge_request(self, project: str, number: int) -> MergeRequest:
        self._answer("get_merge_request")
        found = self.merge_requests.get((project, number))
        if found is None:
            raise NotFound(self._instance, f"{project} has no merge request {number}")
        return found

    async def approve_merge_request(self, project: str, number: int, sha: str, grant: Grant) -> MergeRequest:
        self._answer("approve_merge_request")
        account = self._as(grant)
        found = self._open(project, number, sha)
        if account.username == found.author:
            raise Refused(self._instance, "authors may not approve")
        if account.username in found.approved_by:
            return found
        left = None if found.approvals_left is None else max(0, found.approvals_left - 1)
        return self.change(project, number, approved_by=(*found.approved_by, account.username), approvals_left=left)

    async def merge(self, project: str, number: int, sha: str, grant: Grant) -> MergeRequest:
        self._answer("merge")
        account = self._as(grant)
        found = self.merge_requests[project, number]
        if found.state is MergeState.MERGED and found.sha == sha:
            return found
        found = self._open(project, number, sha)
        if self.may_merge and account.username not in self.may_merge:
            raise Refused(self._instance, f"@{account.username} may not merge")
        if found.obstacles:
            raise Refused(self._instance, "; ".join(found.obstacles))
        merged = self.change(project, number, state=MergeState.MERGED, merge_sha="f" * 40, merged_by=account.username)
        self._lose()
        return merged

    def _open(self, project: str, number: int, sha: str) -> MergeRequest:
        found = self.merge_requests.get((project, number))
        if found is None:
            raise NotFound(self._instance, f"{project} has no merge request {number}")
        if found.state is not MergeState.OPEN:
            raise Refused(self._instance, f"it is {found.state.value}")
        if found.sha != sha:
            raise Refused(self._instance, "SHA does not match HEAD of source branch")
        return found

    def _lose(self) -> None:
        if self.lost:
            self.lost = False
            raise OutcomeUnknown(self._instance, "sent, and the connection broke", request_id="")

    # IssueTracker

    async def create_issue(self, request: IssueRequest) -> Issue:
        return self._create_issue(request, "fake")

    async def create_issue_as(self, request: IssueRequest, grant: Grant) -> Issue:
        return self._create_issue(request, self._as(grant).username)

    async def assign_issue_as(self, project: str, key: str, user: str, grant: Grant) -> Issue:
        self._as(grant)
        return await self.assign_issue(project, key, user)

    async def close_issue_as(self, project: str, key: str, grant: Grant) -> Issue:
        self._as(grant)
        return await self.close_issue(project, key)

    def _create_issue(self, request: IssueRequest, author: str) -> Issue:
        self._answer("create_issue")
        if request.request_id in self._requests:
            return self._issues[self._requests[request.request_id]]
        if request.assignee and request.assignee not in self.accounts:
            raise Refused(self._instance, f"there is no user {request.assignee}")
        key = str(sum(project == request.project for project, _ in self._issues) + 1)
        issue = Issue(
            project=request.project,
            key=key,
            title=request.title,
            url=f"https://forge.example/{request.project}/-/issues/{key}",
            is_open=True,
            assignees=(request.assignee,) if request.assignee else (),
            labels=tuple(request.labels),
            author=author,
            created_at=self._now(),
            updated_at=self._now(),
        )
        self._issues[request.project, key] = issue
        self._requests[request.request_id] = (request.project, key)
        self.bodies[request.project, key] = request.body
        self._lose()
        return issue

    async def list_issues(self, project: str, assignee: str = "", limit: int = 20) -> Sequence[Issue]:
        self._answer("list_issues")
        found = [
            one
            for (of, _), one in self._issues.items()
            if of == project and one.is_open and (not assignee or assignee in one.assignees)
        ]
        return sorted(found, key=lambda one: (one.updated_at or _LONG_AGO, one.key), reverse=True)[:limit]

    async def get_issue(self, project: str, key: str) -> Issue:
        self._answer("get_issue")
        found = self._issues.get((project, key))
        if found is None:
            raise NotFound(self._instance, f"{project} has no issue {key}")
        return found

    async def assign_issue(self, project: str, key: str, user: str) -> Issue:
        self._answer("assign_issue")
        found = await self.get_issue(project, key)
        if user not in self.accounts:
            raise Refused(self._instance, f"there is no user {user}")
        return self._keep_issue(replace(found, assignees=(user,), updated_at=self._now()))

    async def close_issue(self, project: str, key: str) -> Issue:
        self._answer("close_issue")
        found = await self.get_issue(project, key)
        return self._keep_issue(replace(found, is_open=False, updated_at=self._now()))

    def _keep_issue(self, issue: Issue) -> Issue:
        self._issues[issue.project, issue.key] = issue
        return issue
