"""`Blocking`: what was taken back from a place does not come there again as it is; a fix may."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place, Service
from bot.command import Call, Resource
from bot.deployments import blocks, records, replies
from bot.deployments.blocks import Block, bad_release
from bot.deployments.ledger import Ledger, Said
from bot.deployments.parts import Parts
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.deployments.refs import Refs
from bot.deployments.rules import Kind, State
from bot.errors import BadInput, Refused
from bot.permissions import decide
from bot.policy.facts import BlockSeen
from bot.policy.reverts import Told, says_it_fixes, undone
from bot.reply import Reply
from bot.store import Tx
from integrations.capabilities.git import Commit
from integrations.errors import NotFound

LIFT = "deployment.unblock"
"""The permission to let a bad release come again."""

_LISTED = 500


class Step(Struct, frozen=True, kw_only=True):
    """What would come to a place: the release, what runs there, and the commits between as far as they are known.

    `added` None means that it is not known which commits come; `commits` None that their messages were not read.
    """

    place: Place
    release: Release
    running_sha: str
    added: tuple[str, ...] | None
    commits: Sequence[Commit] | None = None


class BlocksSeen:
    """Says for a wish whether what it brings is blocked: the facts, for the evaluator."""

    def __init__(self, parts: Parts, refs: Refs) -> None:
        self._parts = parts
        self._refs = refs

    async def of(self, standing: Sequence[Block], service: Service, step: Step) -> BlockSeen | None:
        """Return the block in the way, else one that the wish fixes, None where no bad commit comes.

        Raises:
            IntegrationError: the Git host does not answer.
        """
        fixed = None
        for block in standing:
            seen = await self._one(block, service, step)
            if seen is not None and not seen.fixed:
                return seen
            fixed = fixed or seen
        return fixed

    async def _one(self, block: Block, service: Service, step: Step) -> BlockSeen | None:
        resource = Resource(block.place.service, block.place.environment, block.place.target)
        seen = BlockSeen(
            deployment=block.deployment,
            sha=block.sha,
            version=block.version,
            why=block.why,
            could=decide(self._parts.permissions.grants, (), LIFT, resource).who_could,
        )
        if step.release.sha == block.sha:
            return seen
        commits = await self._bringing(block, service, step)
        if commits is None:
            return None
        bad = {block.sha, *block.commits}
        told = [Told(one.sha, one.message) for one in reversed(commits) if one.sha not in bad]
        gone = undone(told, bad)
        named = says_it_fixes(told, block.names)
        fixed = f"it says that it fixes {named}" if named else ""
        if gone:
            fixed = f"it reverts {len(gone)} of its {len(bad)} commits" if len(bad) > 1 else "it reverts it"
        return BlockSeen(
            deployment=seen.deployment,
            sha=seen.sha,
            version=seen.version,
            why=seen.why,
            itself=False,
            own=len(told),
            fixed=fixed,
            could=seen.could,
        )

    async def _bringing(self, block: Block, service: Service, step: Step) -> Sequence[Commit] | None:
        """Return what comes, newest first, if a commit of the bad release is among it, else None."""
        git, project = self._refs.git(service), service.repository.project
        if step.added is not None:
            if not {block.sha, *block.commits} & set(step.added):
                return None
            if step.commits is not None:
                return step.commits
            return (await git.compare(project, step.running_sha, step.release.sha, limit=_LISTED)).commits
        try:
            since = await git.compare(project, block.sha, step.release.sha, limit=_LISTED)
        except NotFound:
            return None  # the bad commit is in the history no longer
        return None if since.left_behind else since.commits


class Blocking:
    """Blocks what was taken back, and lets it come again when somebody says so, or when it runs there all the same."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def ended(self, tx: Tx, deployment: Deployment) -> None:
        """Block what a deployment that ended took back; lift the block of what it put there well."""
        now = self._parts.clock.now()
        if deployment.state is State.SUCCEEDED and deployment.kind is Kind.DEPLOY:
            why = f"it runs there since {deployment.id}"
            await blocks.lift(tx, deployment.place, at=now, why=why, sha=deployment.sha)
        bad = bad_release(deployment)
        if bad is None:
            return
        plan = deployment.the_plan
        forward = deployment.kind is Kind.DEPLOY
        block = Block(
            deployment=deployment.id,
            place=deployment.place,
            sha=bad.sha,
            version=bad.name,
            commits=plan.added if forward else plan.removed,
            why=deployment.words if forward else f"rolled back by @{self._parts.name_of(deployment.requested_by)}",
            at=now,
        )
        await blocks.add(tx, block)

    async def lift(self, call: Call, place: Place, version: str, reason: str) -> Reply:
        """Let a release come again that was taken back from a place; without a version, all of them.

        Raises:
            BadInput: no reason was given (`reason_missing`).
            Refused: nothing is blocked there (`not_blocked`).
        """
        if not reason:
            raise BadInput("reason_missing", 'Say why it may come again: --reason "…". It is recorded and told.')
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            standing = await blocks.standing(tx.conn, place)
            wanted = [one for one in standing if not version or _named(one, version)]
            if not wanted:
                raise Refused("not_blocked", _nothing(place, version, standing))
            now = self._parts.clock.now()
            for sha in dict.fromkeys(one.sha for one in wanted):
                await blocks.lift(tx, place, at=now, why=reason, by=call.person, sha=sha)
            for one in wanted:
                deployment = await records.get(tx.conn, one.deployment)
                if deployment is None:
                    continue
                said = Said(text=reason, person=call.person, request_id=call.request_id)
                book.enter(deployment, "deployment.unblock", "lifted", said, blocked=one.sha)
                await records.note(tx, deployment.id, "unblocked", reason, at=now, person=call.person)
                await book.show(deployment, urgent=True)
            return replies.unblocked(place, [one.version for one in wanted])

    async def standing(self, conn: AsyncConnection, place: Place) -> Sequence[Block]:
        """Return what is blocked on a place, newest first."""
        return await blocks.standing(conn, place)


def _named(block: Block, version: str) -> bool:
    wanted = version.lower()
    return wanted in {name.lower() for name in block.names} or (len(wanted) >= 4 and block.sha.startswith(wanted))  # noqa: PLR2004 - as short as Git allows


def _nothing(place: Place, version: str, standing: Sequence[Block]) -> str:
    if not standing:
        return f"Nothing is blocked on {place}."
    return f"{version} is not blocked on {place}; {', '.join(one.version for one in standing)} is."
