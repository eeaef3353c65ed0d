"""`Running`: does the steps of chains that are due, each in the transaction that moves its chain on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace

from bot.identity import Person
from bot.paging import choosing, messages, records
from bot.paging.parts import Domain, Parts
from bot.paging.people import Found, People
from bot.paging.records import PageRow, PageState, Run, pages
from bot.paging.rules import Do, Reach, Step, Told, Turn, turn
from bot.settings.paging import PagingStep, Way
from bot.store import Tx

log = structlog.get_logger()
_LONGEST_WORDS = 300


class Running:
    """Moves chains on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def look(self, domain: Domain) -> frozenset[str]:
        """Do every step that is due, once; return the troubles that have moved on.

        Of a chain that was late the step that was due is done now, and what follows counts its time from now on: who is
        told late has as long to answer as anybody.
        """
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            due = await records.due_runs(conn, now)
        if not due:
            return frozenset()
        people = People(self._parts, domain, now)
        planned = [(run, *await self._planned(run, people)) for run in due]
        moved = set()
        async with self._parts.store.write() as tx:
            for run, next_turn, found in planned:
                if await self._move(tx, run, next_turn, found, now):
                    moved.add(run.subject)
        return frozenset(moved)

    async def _planned(self, run: Run, people: People) -> tuple[Turn | None, dict[int, Found]]:
        """Return what is due of a run, and whom its steps reach.

        No turn where its chain is configured no more, or who alone is asked has left.
        """
        settings = self._parts.settings().paging
        if run.person is not None:
            asked = await people.present([run.person])
            if asked.reach is Reach.NOBODY:
                return None, {0: asked}
            last = max(one.after for one in self._ways(run.person, important=False))
            patience = last + settings.patience
            due = turn(
                (Step(Do.TELL),), run.at, lambda _: asked.reach, patience=patience, again_after=settings.again_after
            )
            return due, {0: asked}
        chain = settings.chains.get(run.chain)
        if chain is None:
            return None, {}
        found = {
            index: await people.of(run, step)
            for index, step in enumerate(chain)
            if index >= run.step and (step.notify is not None or step.webhook is not None)
        }
        due = turn(
            choosing.steps_of(chain),
            run.at,
            lambda index: found[index].reach,
            patience=settings.patience,
            again_after=settings.again_after,
        )
        return due, found

    async def _move(self, tx: Tx, run: Run, due: Turn | None, found: dict[int, Found], now: datetime) -> bool:
        if due is None:
            return await self._give_up(tx, run, found, now)
        words = [word for index in due.told for word in found[index].words]
        said = [one for one in (f"{run.subject}: {word}"[:_LONGEST_WORDS] for word in words) if one not in run.words]
        if due.nobody_came:
            said.append(await self._nobody_came(tx, run, now, due))
        moved = await records.change_run(
            tx,
            run,
            step=due.at.step,
            round=due.at.round,
            due_at=now + due.wait,
            words=[*run.words, *said],
            elsewhere=run.elsewhere or self._outside(run, due),
        )
        if moved:
            if run.person is None:
                await self._tell(tx, run, due, found, now)
            elif due.told:
                await self._ask(tx, run, found[0].people, now)
            log.info("paging.step", subject=run.subject, chain=run.chain, steps=list(due.told), nobody=due.nobody_came)
        return moved

    async def _give_up(self, tx: Tx, run: Run, found: dict[int, Found], now: datetime) -> bool:
        """End a run of which nothing can be done any more, and say so."""
        why = f"the chain {run.chain} is configured no more: nobody is paged"
        if run.person is not None:
            why = "; ".join(found[0].words)
        log.error("paging.given_up", subject=run.subject, chain=run.chain, why=why)
        words = [*run.words, f"{run.subject}: {why}"]
        return await records.change_run(
            tx, run, running=False, due_at=None, stopped_at=now, why=why[:_LONGEST_WORDS], words=words
        )

    async def _nobody_came(self, tx: Tx, run: Run, now: datetime, due: Turn) -> str:
        if run.person is not None:
            log.error("paging.no_answer_of", subject=run.subject, person=run.person.key)
            return messages.no_answer(run, self._parts.permissions.name_of(run.person), now + due.wait)
        told = await records.pages_where(tx.conn, pages.c.run_id == run.id, pages.c.person.is_not(None))
        names = sorted({f"@{self._parts.permissions.name_of(one.person)}" for one in told if one.person is not None})
        log.error("paging.nobody_came", subject=run.subject, chain=run.chain, paged=len(told))
        return messages.nobody_came(run, names, now + due.wait)

    def _outside(self, run: Run, due: Turn) -> bool:
        return any(choosing.sent_by(self._parts.settings(), run.chain, index) is not None for index in due.told)

    async def _tell(self, tx: Tx, run: Run, due: Turn, found: dict[int, Found], now: datetime) -> None:
        """Write the pages of a turn: who is named by several steps is told once, and important where one says so."""
        chain = self._parts.settings().paging.chains[run.chain]
        before = await records.count_pages(tx.conn, run.id)
        wanted: dict[Person, tuple[int, bool]] = {}
        made: list[PageRow] = []
        for index in due.told:
            step: PagingStep = chain[index]
            for person in found[index].people:
                first, important = wanted.get(person, (index, False))
                wanted[person] = (first, important or bool(step.notify and step.notify.important))
            if step.webhook is not None and found[index].reach is Reach.SOMEBODY:
                number = before + len(made) + 1
                made.append(page_of(run, number, now, way=step.webhook.way, pager=step.webhook.instance, step=index))
        for person, (index, important) in wanted.items():
            made += self.pages_for(run, person, now, before + len(made) + 1, step=index, important=important)
        await self._drop_waiting(tx, run, list(wanted))
        await records.add_pages(tx, made)

    async def _ask(self, tx: Tx, run: Run, people: Sequence[Person], now: datetime) -> None:
        """Write the pages of a turn to who alone is asked, by their default rules.

        The direct message that asked them, in the transaction that began it, is the first turn's page in Slack.
        """
        begun = run.version == 1
        number = await records.count_pages(tx.conn, run.id) + 1
        await self._drop_waiting(tx, run, people)
        for person in people:
            made = self.pages_for(run, person, now, number, step=0, important=False)
            kept = [one for one in made if not (begun and one.way == Way.SLACK)]
            await records.add_pages(
                tx, [replace(one, id=f"{run.id}.{number + offset}") for offset, one in enumerate(kept)]
            )

    async def _drop_waiting(self, tx: Tx, run: Run, people: Sequence[Person]) -> None:
        """Have what still waits of an earlier turn not sent: these people are told anew."""
        if people:
            older = [pages.c.run_id == run.id, pages.c.person.in_(people), pages.c.state == PageState.WAITING]
            waiting = await records.pages_where(tx.conn, *older, lock=True)
            await records.change_pages(tx, [one.id for one in waiting], state=PageState.DROPPED, due_at=None)

    def pages_for(
        self, run: Run, person: Person, now: datetime, number: int, *, step: int, important: bool
    ) -> Sequence[PageRow]:
        """Return the pages to one person by their own rules, numbered from `number` on."""
        reached = choosing.paged(self._parts.settings(), self._parts.permissions, person)
        planned = self._ways(person, important=important)
        addresses = {way.value: address.instance for way, address in reached.addresses.items()}
        return [
            replace(
                page_of(
                    run, number + offset, now + told.after, way=told.way, pager=addresses.get(told.way, ""), step=step
                ),
                person=person,
                important=important,
            )
            for offset, told in enumerate(planned)
        ]

    def _ways(self, person: Person, *, important: bool) -> tuple[Told, ...]:
        reached = choosing.paged(self._parts.settings(), self._parts.permissions, person)
        return choosing.ways_of(reached, important=important)

    async def another_way(self, tx: Tx, page: PageRow, now: datetime) -> None:
        """Have the person of a page that was not taken told by another way at once; without one the chain goes on.

        What their rules plan for later comes first, then a way that their rules do not name.
        """
        run = await records.locked(tx, page.run_id)
        if run is None or not run.running or page.person is None:
            return
        same = [pages.c.run_id == run.id, pages.c.person == page.person, pages.c.batch == page.batch]
        told = await records.pages_where(tx.conn, *same, lock=True)
        waiting = [one for one in told if one.state is PageState.WAITING]
        if waiting:
            first = min(waiting, key=lambda one: (one.due_at or now, one.id))
            if first.due_at is not None and first.due_at > now:
                await records.change_pages(tx, [first.id], due_at=now)
                tx.wake(records.SIGNAL)
            return
        reached = choosing.paged(self._parts.settings(), self._parts.permissions, page.person)
        used = {one.way for one in told}
        left = [way for way in choosing.having(reached) if way not in used]
        if left:
            number = await records.count_pages(tx.conn, run.id) + 1
            pager = next((one.instance for way, one in reached.addresses.items() if way.value == left[0]), "")
            more = page_of(run, number, now, way=left[0], pager=pager, step=page.step)
            more = replace(more, person=page.person, batch=page.batch, important=page.important)
            await records.add_pages(tx, [more])
        elif all(one.state is PageState.FAILED for one in told):
            await self._unreached(tx, run, page.person, page.batch, now)

    async def _unreached(self, tx: Tx, run: Run, person: Person, batch: int, now: datetime) -> None:
        """Say that somebody could not be reached; where that holds for all who were told, go on at once."""
        word = f"{run.subject}: @{self._parts.permissions.name_of(person)} could not be reached by any way"
        told = await records.pages_where(tx.conn, pages.c.run_id == run.id, pages.c.batch == batch)
        hopeful = any(one.state is not PageState.FAILED for one in told)
        values: dict[str, Any] = {} if word in run.words else {"words": [*run.words, word]}
        chain = self._parts.settings().paging.chains.get(run.chain, ())
        waits = 0 < run.step <= len(chain) and (run.step == len(chain) or chain[run.step - 1].wait is not None)
        if waits and not hopeful and run.due_at is not None and run.due_at > now:
            values["due_at"] = now
        if values:
            await records.change_run(tx, run, **values)


def page_of(run: Run, number: int, at: datetime, *, way: str, pager: str, step: int) -> PageRow:
    """Return a page that is to be sent at a moment. Those of one turn share its batch, the version of the run."""
    return PageRow(
        id=f"{run.id}.{number}",
        run_id=run.id,
        batch=run.version,
        person=None,
        way=way,
        pager=pager,
        step=step,
        important=True,
        state=PageState.WAITING,
        due_at=at,
        first_at=at,
    )
