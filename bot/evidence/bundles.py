"""`Bundles`: makes the evidence of a deployment or a release. Reads our own store; asks the tools for logs alone."""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import records as approval_records
from bot.builds import records as build_records
from bot.builds.logs import Tail, last_lines, read_on
from bot.deployments import records as deployment_records
from bot.deployments.records import Deployment, deployments
from bot.errors import BadInput, UserError
from bot.evidence.packing import document, packed, plain
from bot.evidence.readme import readme
from bot.identity import Person
from bot.logs import Masker
from bot.releases import records as release_records
from bot.releases.records import Release
from bot.store import Store
from bot.toolbox import Toolbox
from integrations.capabilities.runs import RunRef, RunTracker
from integrations.errors import IntegrationError

if TYPE_CHECKING:
    from bot.audit.checkpoints import Keys

_LINES = 200
_LONGEST = 40_000


class Bundle(Struct, frozen=True):
    """A zip for who asked: its name, its bytes, and what it is about."""

    name: str
    content: bytes
    subject: str
    title: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole."""
        return hashlib.sha256(self.content).hexdigest()


class _Parcel(Struct):
    """What was gathered so far."""

    subject: str
    title: str
    at: datetime
    service: str
    files: dict[str, bytes] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    people: set[Person] = field(default_factory=set)


class Bundles:
    """Gathers what is known of a subject. `keys` are asked for when a bundle is made."""

    def __init__(
        self,
        *,
        store: Store,
        toolbox: Toolbox | None,
        name_of: Callable[[Person], str],
        masker: Masker,
        keys: "Callable[[], Keys]",
    ) -> None:
        self._store = store
        self._toolbox = toolbox
        self._name_of = name_of
        self._masker = masker
        self._keys = keys

    async def service_of(self, subject: str) -> str:
        """Return the service that a deployment or release is of. Raises: BadInput (`unknown_subject`)."""
        async with self._store.read() as conn:
            return (await self._begun(conn, subject))[0].service

    async def of(self, subject: str) -> Bundle:
        """Return the evidence of a deployment ("D-1042") or a release ("R-88"), the same bytes for the same records.

        Raises:
            BadInput: `unknown_subject`.
        """
        from bot.evidence import offline, record  # noqa: PLC0415 - cryptography is loaded only where it is used

        async with self._store.read() as conn:
            parcel, release, placed = await self._begun(conn, subject)
            if release is not None:
                await self._release(conn, parcel, release)
            for deployment in placed:
                await self._deployment(conn, parcel, deployment)
            audit = await record.files(
                conn, parcel.subjects, parcel.requests, keys=self._keys(), masked=self._masker.value
            )
            parcel.files |= audit
            self._add(parcel, "requests.json", await record.asked(conn, parcel.subjects, parcel.requests))
        if not audit:
            parcel.notes.append("The audit log holds none of its entries any more: they were pruned.")
        for name, run in sorted(parcel.runs.items()):
            await self._log(parcel, name, run)
        parcel.files["people.json"] = document({one.key: self._name_of(one) for one in parcel.people})
        parcel.files["verify.py"] = inspect.getsource(offline).encode()
        keys = self._keys()
        signer, _ = keys.sign_file(b"")
        if signer:
            parcel.files["manifest-key.pem"] = keys.pem_of(signer).encode()
        parcel.files["README.md"] = readme(parcel.subject, parcel.title, parcel.at, parcel.notes)
        folder = f"evidence-{parcel.subject}"
        content = packed(parcel.files, folder=folder, at=parcel.at, sign=lambda text: keys.sign_file(text)[1])
        return Bundle(f"{folder}.zip", content, parcel.subject, parcel.title)

    async def _begun(self, conn: AsyncConnection, subject: str) -> tuple[_Parcel, Release | None, Sequence[Deployment]]:
        ident = subject.strip().upper()
        if (release := await release_records.get(conn, ident)) is not None:
            chosen = sa.select(deployments).where(
                deployments.c.service == release.service, deployments.c.sha == release.sha
            )
            rows = (await conn.execute(chosen.order_by(deployments.c.created_at, deployments.c.id))).all()
            placed = [deployment_records.read(row) for row in rows]
            return _Parcel(ident, release.name, release.created_at, release.service), release, placed
        if (found := await deployment_records.get(conn, ident)) is not None:
            return _Parcel(ident, found.title, found.created_at, found.service), None, [found]
        raise BadInput("unknown_subject", f"There is no deployment or release {ident}: D-1042 or R-88 was expected.")

    async def _release(self, conn: AsyncConnection, parcel: _Parcel, release: Release) -> None:
        signed = release_records.sign_offs
        rows = (await conn.execute(sa.select(signed).where(signed.c.release == release.id).order_by(signed.c.id))).all()
        said = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented way to the names
        self._add(parcel, f"releases/{release.id}.json", {**plain(release), "sign_offs": said})
        parcel.people |= {release.requested_by} | {one["person"] for one in said}
        parcel.subjects.append(release.id)
        parcel.requests += [release.request_id, *(str(one["request_id"]) for one in said)]
        if release.build_run:
            parcel.runs[f"{release.id}-build"] = release.build_run
        if release.built_by and (build := await build_records.get(conn, release.built_by)) is not None:
            self._add(parcel, f"builds/{build.id}.json", {**plain(build), "held": sorted(build.held)})
            parcel.subjects.append(build.id)
            parcel.requests.append(build.request_id)
            if build.run:
                parcel.runs[build.id] = build.run

    async def _deployment(self, conn: AsyncConnection, parcel: _Parcel, found: Deployment) -> None:
        plan = found.the_plan
        happened = await deployment_records.timeline(conn, found.id)
        self._add(parcel, f"deployments/{found.id}.json", {**plain(found), "happened": plain(happened)})
        diff = plain({"from": found.previous_sha, "to": found.sha, "commits": plan.added, "gone": plan.removed})
        diff |= {"irreversible": plain(plan.irreversible), "url": plan.url, "total": plan.total}
        self._add(parcel, f"diffs/{found.id}.json", {**diff, "lines": plain(plan.lines)})
        digest = hashlib.sha256(parcel.files[f"diffs/{found.id}.json"]).hexdigest()
        self._add(parcel, f"checks/{found.id}.json", {"diff_sha256": digest, "verdicts": plain(plan.verdicts)})
        for generation in range(1, found.generation + 1):
            approval = await approval_records.get(conn, f"{found.id}/{generation}")
            if approval is not None:
                self._add(parcel, f"approvals/{found.id}-{generation}.json", plain(approval))
                parcel.people.update(cast.person for cast in approval.votes)
        parcel.people |= {found.requested_by} | {one.person for one in happened if one.person is not None}
        parcel.subjects.append(found.id)
        parcel.requests.append(found.request_id)
        runs = {"build": found.build_run, "deploy": found.deploy_run, "rollback": found.rollback_run}
        parcel.runs |= {f"{found.id}-{kind}": run for kind, run in runs.items() if run}

    async def _log(self, parcel: _Parcel, name: str, run: str) -> None:
        if self._toolbox is None:
            parcel.notes.append(f"The log of {run} was not asked for.")
            return
        try:
            ref = RunRef.parse(run)
            tail = await read_on(self._toolbox.get(RunTracker, ref.instance), ref, Tail())
        except (IntegrationError, UserError, ValueError) as error:
            parcel.notes.append(f"The log of {run} could not be read: {error}")
            return
        text = self._masker.text(last_lines(tail.text, _LINES, _LONGEST))
        parcel.files[f"logs/{name}.txt"] = f"{text}\n".encode("utf-8", "replace")

    def _add(self, parcel: _Parcel, name: str, value: object) -> None:
        parcel.files[name] = document(self._masker.value(plain(value)))
