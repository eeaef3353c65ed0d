"""Answers to runs that wait for a person: one winner under racing presses, told to the tool once, recorded.

Builds and deployments register how their waiting runs are found; the row of an answer is written before the tool is
told, so that a second press is told who answered, and one that a crash cut off is carried on by the same wish.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.arguments.values import write
from bot.builds import parameters
from bot.builds.acting import Deed
from bot.builds.parts import Parts
from bot.command import Call, Pairs, Resource
from bot.errors import BadInput, Missing, Refused, UserError
from bot.identity import Person
from bot.reply import Button, Message, Paragraph, Reply, escape, moment, say, text
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata
from integrations.capabilities.personal_runs import RunRight
from integrations.capabilities.runs import ManualAction, RunRef, RunTracker
from integrations.errors import BadReply, IntegrationError, NotPermitted, OutcomeUnknown, Refused as ToolRefused

answers = sa.Table(
    "run_answers",
    metadata,
    sa.Column("run", sa.String(500), primary_key=True),
    sa.Column("action", sa.String(255), primary_key=True),
    sa.Column("subject", sa.String(32), nullable=False, index=True),
    sa.Column("label", sa.String(255), nullable=False),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("request_id", sa.String(255), nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False, default=False),
    sa.Column("gone", sa.Boolean, nullable=False, default=False),
)


class Answer(Struct, frozen=True, kw_only=True):
    """Who let an action go on, and when."""

    action: str
    label: str
    person: Person
    at: datetime
    sent: bool
    gone: bool
    request_id: str


class Waiting(Struct, frozen=True, kw_only=True):
    """A run that may wait for a person: what it is of, where, and how its card is drawn anew.

    `actions` are as they were read, `now` reads them again in a transaction.
    """

    subject: str
    resource: Resource
    run: str
    actions: tuple[ManualAction, ...]
    now: Callable[[Tx], Awaitable[Sequence[ManualAction]]]
    redraw: "Redraw"


class Redraw(Protocol):
    """Draws a card anew in a transaction.

    `by_person` notes that the tool lets people answer only as themselves: the buttons become links.
    """

    async def __call__(self, tx: Tx, *, by_person: bool) -> None:
        """Draw it."""
        ...


Finder = Callable[[str], Awaitable[Waiting]]


class Answers:
    """Tells tools what people decided. `finders` are by the first letters of a subject: "B-", "D-"."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.finders: dict[str, Finder] = {}

    async def find(self, subject: str) -> Waiting:
        """Return the run that a build or deployment follows. Raises: BadInput (`unknown_subject`)."""
        wanted = subject.strip().upper()
        finder = self.finders.get(wanted.partition("-")[0] + "-")
        if finder is None:
            raise BadInput("unknown_subject", f'"{subject}" is no build or deployment: B-12 or D-1042 is expected.')
        return await finder(wanted)

    async def answer(self, call: Call, subject: str, wanted: str, given: Mapping[str, str]) -> Reply:
        """Let a waiting action go on, with parameters.

        Raises:
            Refused: it waits no more (`not_waiting`), somebody answered (`answered`), the tool says no, or it lets only
                the person answer there (`answer_there`, with a link).
            BadInput: a parameter is unknown, wrong or missing.
        """
        waiting = await self.find(subject)
        action = await self._waiting_action(call, waiting, wanted)
        if action is None:
            return text(f"{waiting.subject}: {wanted} went on.")
        values = self._values(waiting, action, given)
        deed = self._deed(call, waiting, action)
        await self._allowed(deed, waiting)
        standing = await self._claim(call, waiting, action)
        if standing is not None and standing.sent:
            return text(f"{waiting.subject}: {wanted} went on.")
        try:
            await self._tell(deed, waiting, action, values, again=standing is not None)
        except NotPermitted as error:
            await self._withdraw(call, waiting, action, by_person=True)
            raise _there(action, error) from error
        except (IntegrationError, UserError):
            await self._withdraw(call, waiting, action)
            raise
        await self._settle(call, waiting, action, values)
        return text(f"{waiting.subject}: {action.label} goes on.")

    async def _waiting_action(self, call: Call, waiting: Waiting, wanted: str) -> ManualAction | None:
        """Return the action that is meant; None when this very wish answered it before a crash cut it off."""
        found = [one for one in waiting.actions if wanted == one.id]
        found = found or [one for one in waiting.actions if wanted.casefold() == one.label.casefold()]
        if found:
            return found[0]
        async with self._parts.store.read() as conn:
            known = await given_on(conn, waiting.subject)
        for one in reversed(known):
            if wanted in {one.action, one.label}:
                if one.request_id == call.request_id:
                    return None
                raise self._answered(waiting, one)
        labels = ", ".join(one.label for one in waiting.actions)
        hint = f"It waits for: {labels}." if labels else "Nothing in it waits for a person now."
        raise Refused("not_waiting", f'{waiting.subject} does not wait for "{wanted}". {hint}')

    def _values(self, waiting: Waiting, action: ManualAction, given: Mapping[str, str]) -> parameters.Values:
        try:
            return parameters.check(action.parameters, given, of=action.label)
        except BadInput as error:
            args = {"run": waiting.subject, "action": action.id}
            if known := parameters.without_secrets(action.parameters, given):
                args["param"] = write(Pairs(known))
            fill = Button(label="Fill in…", command="answer", args=args, ask=True)
            if error.code == parameters.MISSING:
                raise Missing(error.code, error.text, form=fill) from None
            raise BadInput(error.code, error.text, moves=(fill,)) from None

    async def _claim(self, call: Call, waiting: Waiting, action: ManualAction) -> Answer | None:
        """Write the answer, or refuse because somebody else's stands; return ours if a crash cut it off before."""
        row = {
            "run": waiting.run,
            "action": action.id,
            "subject": waiting.subject,
            "label": action.label[:255],
            "person": call.person,
            "request_id": call.request_id,
            "at": self._parts.clock.now(),
            "sent": False,
            "gone": False,
        }
        key = (answers.c.run == waiting.run, answers.c.action == action.id)
        async with self._parts.store.write(urgent=True) as tx:
            statement = insert(tx.conn, answers).values(row)
            statement = statement.on_conflict_do_update(
                index_elements=[answers.c.run, answers.c.action],
                set_={name: statement.excluded[name] for name in row if name not in {"run", "action"}},
                where=answers.c.gone.is_(True),
            )
            mine = statement.returning(answers.c.run)
            held = sa.select(answers).where(*key).with_for_update()
            before = (await tx.conn.execute(held)).one_or_none()
            if before is None:
                if (await tx.conn.execute(mine)).first() is not None:
                    return None
                before = (await tx.conn.execute(held)).one()  # another process was quicker
            standing = _read(before)
            # What the row says now counts: since it was read, somebody's answer may have come through.
            waits = any(one.id == action.id for one in (await waiting.now(tx)))
            if standing.gone and waits and (await tx.conn.execute(mine)).first() is not None:
                return None
        if standing.request_id != call.request_id:
            raise self._answered(waiting, standing)
        return standing

    def _deed(self, call: Call, waiting: Waiting, action: ManualAction) -> Deed:
        return Deed(
            person=call.person,
            right=RunRight.ANSWER,
            ref=RunRef.parse(waiting.run),
            label=f"answer “{action.label}”",
            subject=waiting.subject,
            resource=waiting.resource,
            request_id=call.request_id,
            url=action.url,
        )

    async def _allowed(self, deed: Deed, waiting: Waiting) -> None:
        """Refuse what this person cannot do from here; where nobody can, the buttons become links."""
        try:
            await self._parts.acting.allowed(deed)
        except Refused as error:
            if error.code == "act_there":
                async with self._parts.store.write() as tx:
                    await waiting.redraw(tx, by_person=True)
            raise

    async def _tell(
        self, deed: Deed, waiting: Waiting, action: ManualAction, values: parameters.Values, *, again: bool
    ) -> None:
        ref = deed.ref
        try:
            await self._parts.acting.answer(deed, action.id, {**values.shown, **values.secret})
        except (ToolRefused, OutcomeUnknown, BadReply) as error:
            # It may have arrived all the same, now or before a crash: then it waits no more.
            run = await self._parts.toolbox.get(RunTracker, ref.instance).get_run(ref)
            if any(one.id == action.id for one in run.actions):
                raise
            if isinstance(error, ToolRefused) and not again:
                words = (
                    f"{waiting.subject} does not wait for “{action.label}” any more: it was answered in {ref.instance}."
                )
                raise Refused("not_waiting", words) from error

    async def _withdraw(self, call: Call, waiting: Waiting, action: ManualAction, *, by_person: bool = False) -> None:
        async with self._parts.store.write() as tx:
            await tx.conn.execute(
                sa.delete(answers).where(
                    answers.c.run == waiting.run,
                    answers.c.action == action.id,
                    answers.c.request_id == call.request_id,
                    answers.c.sent.is_(False),
                )
            )
            if by_person:
                await waiting.redraw(tx, by_person=True)

    async def _settle(self, call: Call, waiting: Waiting, action: ManualAction, values: parameters.Values) -> None:
        async with self._parts.store.write(urgent=True) as tx:
            key = (answers.c.run == waiting.run, answers.c.action == action.id)
            await tx.conn.execute(sa.update(answers).where(*key).values(sent=True))
            await waiting.redraw(tx, by_person=False)
            await self._parts.outbox.amend(
                tx, ask_key(waiting.subject, waiting.run, action.id), self._done(waiting, action, call.person)
            )
            await self._parts.audit.record(
                tx,
                actor=call.person,
                action="run.answer",
                outcome="succeeded",
                resource=waiting.resource,
                request_id=call.request_id,
                subject=waiting.subject,
                data={
                    "run": waiting.run,
                    "action": action.label,
                    "parameters": {**values.shown, **dict.fromkeys(values.secret, parameters.HIDDEN)},
                },
            )
            tx.after_commit(lambda: self._parts.watch.wake(RunRef.parse(waiting.run)))

    def _done(self, waiting: Waiting, action: ManualAction, person: Person) -> Message:
        """Return what becomes of the message that asked, once it is answered: no buttons any more."""
        words = f"{waiting.subject}: @{self._parts.name_of(person)} answered “{action.label}”."
        return Message(summary=words, parts=(Paragraph(escape(words)),))

    def _answered(self, waiting: Waiting, one: Answer) -> Refused:
        name = self._parts.name_of(one.person)
        words = say("{}: @{} answered “{}” already, at {}.", waiting.subject, name, one.label, moment(one.at))
        return Refused("answered", words)


def ask_key(subject: str, run: str, action: str) -> str:
    """Return the key of the messages that ask people to let an action go on."""
    return f"{subject}/asks/{hashlib.sha256(f'{run} {action}'.encode()).hexdigest()[:12]}"


async def given_on(conn: AsyncConnection, subject: str) -> Sequence[Answer]:
    """Return the answers that were given on a build or deployment, oldest first."""
    statement = sa.select(answers).where(answers.c.subject == subject).order_by(answers.c.at)
    return [_read(row) for row in (await conn.execute(statement)).all()]


async def see(tx: Tx, run: str, actions: Sequence[ManualAction]) -> None:
    """Note which answered actions wait no more: one that waits again later may be answered again."""
    here = [action.id for action in actions]
    gone = sa.update(answers).where(answers.c.run == run, answers.c.sent, answers.c.action.not_in(here))
    await tx.conn.execute(gone.values(gone=True))


def _there(action: ManualAction, error: NotPermitted) -> Refused:
    moves = (Button(label=f"Answer it in {error.instance}"[:75], url=action.url),) if action.url else ()
    return Refused(
        "answer_there", f"{error.instance} decides by person who may answer “{action.label}”: do it there.", moves=moves
    )


def _read(row: sa.Row[tuple[object, ...]]) -> Answer:
    names = ("action", "label", "person", "at", "sent", "gone", "request_id")
    return Answer(**{name: row._mapping[name] for name in names})  # noqa: SLF001 - SQLAlchemy's documented way
