"""The build that needs no tool: `git archive` of a commit. Run as a job's command, told on standard input."""

import json
import subprocess
import sys
from pathlib import Path

from integrations.local.files import write_json
from integrations.local.git import git_arguments, git_environment


def main() -> int:
    """Make `<name>-<version>-<sha>.tar` in the current folder and name it in the result file."""
    told = json.load(sys.stdin)
    print(f"::stage archive\ngit archive {told['sha']}", flush=True)  # noqa: T201 -- the log of the run
    made = archive(told["git"], told["git_dir"], told["sha"], Path(told["artifact"]))
    if made:
        write_json(Path(told["result"]), {"artifact": told["artifact"]})
        print(f"made {told['artifact']}", flush=True)  # noqa: T201 -- the log of the run
    return 0 if made else 1


def archive(git: str, git_dir: str, sha: str, file: Path) -> bool:
    """Write a commit's files to a tar file, the same bytes for the same commit; return whether git could."""
    arguments = git_arguments(git_dir, "archive", "--format=tar", f"--output={file}", sha)
    return subprocess.run([git, *arguments], env=git_environment(), check=False).returncode == 0


def archive_name(project: str, version: str, sha: str) -> str:
    """Return the name of the artifact of a commit; characters that do not belong into a file's name become `-`."""
    words = "-".join((project.rsplit("/", 1)[-1], version, sha[:12]))
    return "".join(c if c.isalnum() or c in "._-+" else "-" for c in words) + ".tar"
