"""What the README of the evidence says."""

from datetime import UTC, datetime

_TEXT = """\
# Evidence of {subject}: {title}

Asked for {at}. Written by Shipmate from its own records; times are UTC.

| file | holds |
|---|---|
| `requests.json` | who asked for what, from where, when, and how that ended |
| `releases/` | the release as it stands, its changelog and notes, who signed it off |
| `deployments/` | each deployment as it stands, with its plan, rules and verdicts, and what happened in order |
| `diffs/` | what each deployment brought: commits, files that cannot be undone, and a digest of these |
| `checks/` | the checks and rules of each deployment with their verdicts |
| `approvals/` | each request for approval: the digest of what was approved, rules, votes |
| `builds/` | the builds that made the artifact |
| `logs/` | the end of each run's log, secrets masked |
| `people.json` | the names of the people, by the ids that the other files use |
| `audit/` | entries of the audit log, the links of its hash chain, a signed checkpoint and the key |

## Verify it

With Python's standard library (and `openssl` for the signature), in this folder:

    python3 verify.py

Or by hand. No file was changed since it was packed:

    sha256sum -c MANIFEST

The checkpoint in `audit/` is signed by the key beside it (Ed25519):

    openssl pkeyutl -verify -pubin -inkey audit/keys/*.pem -rawin \\
        -in audit/checkpoint.txt -sigfile audit/checkpoint.sig

Compare that key with the one that you were given by whoever runs Shipmate: a bundle that somebody made up has a key of
its own. The MANIFEST, and with it every file, is signed the same way, by the key that Shipmate had when it packed this
(there is no `MANIFEST.sig` where none was configured):

    openssl pkeyutl -verify -pubin -inkey manifest-key.pem -rawin -in MANIFEST -sigfile MANIFEST.sig

`audit/links.txt` has one line for each entry of the log from the first of these entries to the checkpoint: number,
digest of the entry's body, hash. A hash is SHA-256 over the hash before, a newline and the body's digest; the first one
continues `hash` in `audit/chain.json`. Entries that are not part of this evidence stand there by their digest alone.

The digest of a body is SHA-256 over its JSON (keys sorted, no spaces, ASCII only) without `previous`, `hash`, `person`,
`person_salt`, `details` and `details_salt`, and with `data` as text in the same form. `actor` is SHA-256 over
`person_salt`, a newline and `person`; `personal` is SHA-256 over `details_salt`, a newline and the JSON of `details`.
Where these are missing, somebody was erased from the log.
{notes}"""


def readme(subject: str, title: str, at: datetime, notes: list[str]) -> bytes:
    """Return the README; `notes` say what could not be had."""
    missing = "".join(f"- {note}\n" for note in notes)
    told = f"\n## What is missing\n\n{missing}" if notes else ""
    moment = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return _TEXT.format(subject=subject, title=title, at=moment, notes=told).encode()
