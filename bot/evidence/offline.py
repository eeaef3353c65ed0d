"""Verify this evidence with Python's standard library alone: `python3 verify.py` in the unpacked folder.

It proves that no file was changed, and that their list is signed; that the audit entries are what their hashes say;
that they stand in one unbroken chain; that what names people is what the entries committed to; and that what was
approved is what was deployed.

Signatures are proven by `openssl`: of MANIFEST by the key in `manifest-key.pem`, and of the checkpoint after these
entries, where there is one, by the key in `audit/keys`. Whether these are Shipmate's keys, only you can tell: compare
them with the one that you were given.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BESIDE = {"previous", "hash", "person", "person_salt", "details", "details_salt"}


def sha256(content: bytes | str) -> str:
    """Return the SHA-256 of bytes or text in hexadecimal."""
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def canonical(value: object) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def files(folder: Path) -> Iterator[str]:
    """Prove that every file is as MANIFEST says and that there is no other."""
    known = {}
    for line in (folder / "MANIFEST").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        known[name] = digest
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    there -= {"MANIFEST", "MANIFEST.sig"}
    for name in sorted(there ^ known.keys()):
        yield f"{name} is " + ("not in MANIFEST" if name in there else "missing")
    for name in sorted(there & known.keys()):
        if sha256((folder / name).read_bytes()) != known[name]:
            yield f"{name} was changed"


def body(entry: Mapping[str, Any]) -> str:
    """Return the digest of an entry's body: what the chain holds of it."""
    covered = {key: value for key, value in entry.items() if key not in BESIDE}
    covered["data"] = canonical(covered["data"])
    return sha256(canonical(covered))


def links(folder: Path) -> tuple[dict[str, Any], dict[int, tuple[str, str]]]:
    """Return the links of the chain by number, each (body's digest, hash), and the number and hash before them."""
    frame = json.loads((folder / "audit/chain.json").read_text(encoding="utf-8"))
    found = {}
    for line in (folder / "audit/links.txt").read_text(encoding="utf-8").splitlines():
        number, digest, link = line.split()
        found[int(number)] = (digest, link)
    return frame, found


def chain(folder: Path) -> Iterator[str]:
    """Prove that the links are unbroken and that each entry is the one that its link names."""
    frame, found = links(folder)
    number, previous = frame["after"], frame["hash"]
    for here in sorted(found):
        digest, link = found[here]
        if here != number + 1 or link != sha256(f"{previous}\n{digest}"):
            yield f"the chain is broken at entry {here}"
            return
        number, previous = here, link
    for line in (folder / "audit/entries.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        here = entry["number"]
        if found.get(here) != (body(entry), entry["hash"]):
            yield f"entry {here} is not the one in the chain"
        if "person" in entry and entry["actor"] != sha256(f"{entry['person_salt']}\n{entry['person']}"):
            yield f"entry {here} is by somebody else than it says"
        details = f"{entry.get('details_salt')}\n{canonical(entry.get('details'))}"
        if "details" in entry and entry["personal"] != sha256(details):
            yield f"the details of entry {here} were changed"


def diffs(folder: Path) -> Iterator[str]:
    """Prove that the diff of each deployment is the one whose digest stands beside its checks."""
    for path in sorted(folder.glob("checks/*.json")):
        checks = json.loads(path.read_text(encoding="utf-8"))
        if checks["diff_sha256"] != sha256((folder / "diffs" / path.name).read_bytes()):
            yield f"diffs/{path.name} is not the diff that was checked"


def approved(folder: Path) -> Iterator[str]:
    """Prove that each deployment that went out had the digest of what was approved for it."""
    for path in sorted(folder.glob("deployments/*.json")):
        deployment = json.loads(path.read_text(encoding="utf-8"))
        if not deployment["deploy_run"]:
            continue
        approval = folder / f"approvals/{deployment['id']}-{deployment['generation']}.json"
        if approval.is_file():
            digest = json.loads(approval.read_text(encoding="utf-8"))["digest"]
            if digest != deployment["plan_digest"]:
                yield f"{deployment['id']} is not what was approved: {digest} was"


def signed(key: Path, name: str, signature: str) -> bool:
    """Tell whether a file is signed by this key; where there is no openssl it is taken for signed, and said."""
    folder = Path(__file__).resolve().parent
    if shutil.which("openssl") is None:
        print("note: there is no openssl here: no signature was verified")
        return True
    given = ["-inkey", str(key), "-rawin", "-in", name, "-sigfile", signature]
    words = ["openssl", "pkeyutl", "-verify", "-pubin", *given]
    return subprocess.run(words, capture_output=True, check=False, cwd=folder).returncode == 0


def manifest(folder: Path) -> Iterator[str]:
    """Prove the signature of MANIFEST, if there is one, with openssl."""
    if not (folder / "MANIFEST.sig").is_file():
        if (folder / "manifest-key.pem").is_file():
            yield "MANIFEST.sig is missing"
        else:
            print("note: MANIFEST is not signed: no key was configured")
    elif not signed(folder / "manifest-key.pem", "MANIFEST", "MANIFEST.sig"):
        yield "the signature of MANIFEST is wrong"


def checkpoint(folder: Path) -> Iterator[str]:
    """Prove the signature of the checkpoint after the entries, if there is one, with openssl."""
    frame, found = links(folder)
    named = frame.get("checkpoint")
    if named is None:
        print("note: no signed checkpoint follows these entries yet")
        return
    text = (folder / "audit/checkpoint.txt").read_text(encoding="utf-8")
    said = json.loads(text)
    known = {number: link for number, (_, link) in found.items()} | {frame["after"]: frame["hash"]}
    if known.get(said["number"]) != said["hash"]:
        yield f"the checkpoint signs another entry {said['number']}"
    key = folder / f"audit/keys/{named['key']}.pem"
    if not key.is_file():
        yield f"the key {named['key']} that signed the checkpoint is not here"
    elif not signed(key, "audit/checkpoint.txt", "audit/checkpoint.sig"):
        yield "the checkpoint's signature is wrong"


def main() -> int:
    """Run every proof and say how it went; 1 when one fails."""
    folder = Path(__file__).resolve().parent
    wrong = 0
    for proof in (files, manifest, chain, diffs, approved, checkpoint):
        faults = list(proof(folder))
        print(f"{'WRONG' if faults else 'ok'}: {(proof.__doc__ or '').splitlines()[0]}")
        for fault in faults:
            print(f"  {fault}")
        wrong += len(faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
