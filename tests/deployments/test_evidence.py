"""The evidence of a deployment: verified as a stranger would, by programs that know nothing of Shipmate."""

import asyncio
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.audit.checkpoints import Keys
from bot.audit.keeping import Keeper
from bot.deployments.rules import State
from bot.errors import BadInput
from bot.evidence import Bundles
from bot.evidence.packing import packed
from bot.logs import Masker
from bot.releases.records import releases
from bot.releases.rules import State as ReleaseState
from bot.reply import Document
from integrations.capabilities.runs import RunRef
from tests.audit.test_checkpoints import pem
from tests.deployments.rig import ANA, MIA, Rig

SECRET = "hunter2-hunter2"
KEYS = Keys(pem())


def bundles(rig: Rig) -> Bundles:
    made = Bundles(
        store=rig.store,
        toolbox=rig.toolbox,
        name_of=rig.permissions.name_of,
        masker=Masker([SECRET]),
        keys=lambda: KEYS,
    )
    rig.world.add(made)
    return made


async def deployed(rig: Rig) -> str:
    """Deploy to production, approved by ana, with a secret in log and reason; sign the audit log; return the id."""
    rig.history()
    await rig.deploy("v1.4.1")
    reply = await rig.run(MIA, f'deploy checkout@v1.4.1 to production --reason "as {SECRET} says"')
    at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
    done = await rig.reaches(at.id, State.SUCCEEDED)
    rig.deploys.say(RunRef.parse(done.deploy_run), f"password {SECRET}\ndone\n")
    await Keeper(rig.audit, KEYS).checkpoint()
    return done.id


def unpacked(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    (made,) = folder.iterdir()
    return made


async def verified(folder: Path) -> tuple[int, str]:
    """Run the program in the bundle with nothing but Python's standard library on its path."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-I", "-S", "verify.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_it_is_verified_offline_by_strangers(rig: Rig, tmp_path: Path):
    ident = await deployed(rig)
    bundle = await bundles(rig).of(ident.lower())
    folder = unpacked(bundle.content, tmp_path / "out")
    assert folder.name == f"evidence-{ident}"
    status, said = await verified(folder)
    assert (status, said.count("ok: "), "note:" in said) == (0, 6, False), said
    for words in (["sha256sum", "--quiet", "-c", "MANIFEST"], *_openssl(folder)):
        done = await asyncio.to_thread(subprocess.run, words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _openssl(folder: Path) -> list[list[str]]:
    """Return the commands of the README, as a shell would read them."""
    commands = re.findall(r"openssl pkeyutl(?:.*\\\n)*.*\n", (folder / "README.md").read_text())
    assert len(commands) == 2
    every = [command.replace("\\\n", " ").split() for command in commands]
    return [
        [str(next(folder.glob(word)).relative_to(folder)) if "*" in word else word for word in words] for words in every
    ]


async def test_what_it_holds_and_that_secrets_are_masked(rig: Rig, tmp_path: Path):
    ident = await deployed(rig)
    bundle = await bundles(rig).of(ident)
    folder = unpacked(bundle.content, tmp_path / "out")
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert SECRET.encode() not in everything
    deployment = json.loads((folder / f"deployments/{ident}.json").read_text())
    assert (deployment["state"], deployment["version"], deployment["requested_by"]) == ("succeeded", "v1.4.1", MIA.key)
    assert {"asked", "succeeded"} <= {one["kind"] for one in deployment["happened"]}
    approval = json.loads((folder / f"approvals/{ident}-1.json").read_text())
    assert approval["digest"] == deployment["plan_digest"]
    assert [vote["person"] for vote in approval["votes"]] == [ANA.key]
    assert json.loads((folder / f"diffs/{ident}.json").read_text())["commits"] == [deployment["sha"]]
    assert json.loads((folder / "people.json").read_text())[ANA.key] == "ana"
    assert "password" in (folder / f"logs/{ident}-deploy.txt").read_text()
    told = json.loads((folder / "requests.json").read_text())
    assert {"deployment.vote.approve", "deployment.succeeded"} <= {one["action"] for one in told}, told


async def test_the_same_records_give_the_same_bytes(rig: Rig):
    ident = await deployed(rig)
    first = await bundles(rig).of(ident)
    rig.clock.ahead += timedelta(days=1)
    assert (await bundles(rig).of(ident)).content == first.content


def _rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Change a file, and MANIFEST with it, as somebody who knows how would."""

    def change(folder: Path) -> None:
        path = next(folder.glob(name))
        text = path.read_text()
        assert re.search(old, text), text
        path.write_text(re.sub(old, new, text, count=1))
        names = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("MANIFEST")]
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in names}
        fresh = unpacked(packed(files, folder="x", at=rewritten), folder.parent / "again")
        shutil.copy(fresh / "MANIFEST", folder / "MANIFEST")

    from datetime import UTC, datetime  # noqa: PLC0415 - of this alone

    rewritten = datetime(2026, 1, 1, tzinfo=UTC)
    return change


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (lambda folder: (folder / "people.json").write_text("{}"), "people.json was changed"),
        (lambda folder: (folder / "more.txt").write_text("x"), "more.txt is not in MANIFEST"),
        (lambda folder: (folder / "people.json").unlink(), "people.json is missing"),
        (lambda folder: (folder / "MANIFEST.sig").unlink(), "MANIFEST.sig is missing"),
        (
            _rewrite("deployments/*.json", '"state": "succeeded"', '"state": "failed"'),
            "the signature of MANIFEST is wrong",
        ),
        (_rewrite("audit/entries.jsonl", '"outcome":"[a-z]+"', '"outcome":"refused"'), "is not the one in the chain"),
        (_rewrite("audit/entries.jsonl", r'"person":"[^"]+"', '"person":"-/T/U"'), "is by somebody else"),
        (_rewrite("audit/entries.jsonl", '"words":"[^"]+"', '"words":"no"'), "the details of entry"),
        (_rewrite("audit/links.txt", r"(\n\d+ )[0-9a-f]{64}", rf"\g<1>{'a' * 64}"), "the chain is broken at entry"),
        (_rewrite("audit/checkpoint.txt", r'"at":"2', '"at":"1'), "the checkpoint's signature is wrong"),
        (_rewrite("approvals/*.json", r'"digest": "[0-9a-f]+"', '"digest": "ab"'), "is not what was approved"),
        (_rewrite("diffs/*.json", r'"total": \d', '"total": 9'), "is not the diff that was checked"),
    ],
)
async def test_what_was_tampered_with_is_named(rig: Rig, tmp_path: Path, tamper: Callable[[Path], None], says: str):
    folder = unpacked((await bundles(rig).of(await deployed(rig))).content, tmp_path / "out")
    tamper(folder)
    status, said = await verified(folder)
    assert status == 1
    assert says in said


async def test_without_a_checkpoint_and_with_a_log_that_is_gone_it_says_so(rig: Rig, tmp_path: Path):
    rig.history()
    done = await rig.deploy("v1.4.1")
    rig.deploys._runs.clear()
    folder = unpacked((await bundles(rig).of(done.id)).content, tmp_path / "out")
    assert f"The log of {done.deploy_run} could not be read" in (folder / "README.md").read_text()
    status, said = await verified(folder)
    assert (status, "note: no signed checkpoint follows" in said) == (0, True), said


async def test_of_a_release_it_holds_all_its_deployments(rig: Rig, tmp_path: Path):
    production = await deployed(rig)
    found = await rig.get(production)
    async with rig.store.write() as tx:
        values: dict[str, Any] = {"id": "R-88", "request_id": "r", "service": "checkout", "version": "1.4.1"}
        now = rig.clock.now()
        values |= {
            "sha": found.sha,
            "requested_by": MIA,
            "state": ReleaseState.CUT.value,
            "state_since": now,
            "created_at": now,
        }
        await tx.conn.execute(sa.insert(releases).values(**values))
    bundle = await bundles(rig).of("r-88")
    folder = unpacked(bundle.content, tmp_path / "out")
    assert {path.stem for path in folder.glob("deployments/*.json")} == {"D-1001", production}
    assert json.loads((folder / "releases/R-88.json").read_text())["version"] == "1.4.1"
    assert (await verified(folder))[0] == 0
    with pytest.raises(BadInput, match="no deployment or release X-1"):
        await bundles(rig).of("X-1")


async def test_it_is_handed_over_by_command(rig: Rig):
    ident = await deployed(rig)
    bundles(rig)
    for text in (f"evidence {ident}", f"release evidence {ident}"):
        reply = await rig.run(ANA, text)
        (file,) = [part for part in reply.parts if isinstance(part, Document)]
        assert (file.name, file.content[:2]) == (f"evidence-{ident}.zip", b"PK")
        assert not reply.share
