"""References to secrets: `${NAME}` from the environment, `file:/path`, `exec:program arguments`.

The secret itself never stands in a file, and never in an error: what fails is named by its reference only.
"""

import re
import shlex
import subprocess
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_IN_URL = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_EXEC_SECONDS = 15
_SHORTEST = 3


class BadReference(Exception):
    """A reference that leads nowhere; the text says which and what to do, never a value."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


class Resolver:
    """Follows references. `environ` is the environment that was read once; paths are relative to `folder`."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self._known: dict[str, str] = {}

    def resolve(self, text: str, *, plain_allowed: bool = False) -> str:
        """Return what `text` refers to; the same reference is followed once.

        `${NAME}` may stand inside longer text. With `plain_allowed` text without a reference is itself.

        Raises:
            BadReference: it cannot be followed, or it is the secret itself.
        """
        if not text:
            return ""
        if text not in self._known:
            self._known[text] = self._follow(text, plain_allowed=plain_allowed)
        return self._known[text]

    def mask(self, text: str) -> str:
        """Return `text` without the secrets that were resolved: another's validator may repeat what it was given."""
        for value in sorted({one for one in self._known.values() if len(one) > _SHORTEST}, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def _follow(self, text: str, *, plain_allowed: bool) -> str:
        if text.startswith("file:"):
            return self._from_file(text.removeprefix("file:"))
        if text.startswith("exec:"):
            return self._from_program(text.removeprefix("exec:"))
        missing = [name for name in _VARIABLE.findall(text) if name not in self._environ]
        if missing:
            names = ", ".join(dict.fromkeys(missing))
            raise BadReference(f"{names} is not set in the environment", f"Set it where Shipmate is started: {names}=…")
        if _VARIABLE.search(text):
            value = _VARIABLE.sub(self._fill, text)
            if not value:
                raise BadReference(f"{text} is empty in the environment")
            return value
        if plain_allowed:
            return text
        raise BadReference(
            "a secret stands here in plain text",
            "Refer to it: ${NAME} from the environment, file:/path, or exec:program arguments.",
        )

    def _fill(self, match: re.Match[str]) -> str:
        value = self._environ[match[1]]
        around = match.string[: match.start()][-1:] + match.string[match.end() :][:1]
        if around == ":@" and not _IN_URL.fullmatch(value):
            return urllib.parse.quote(value, safe="")  # the password of a URL: any character may be in it
        return value

    def _from_file(self, name: str) -> str:
        path = self._folder / Path(name).expanduser()
        try:
            value = path.read_text(encoding="utf-8").strip("\r\n")
        except OSError as error:
            raise BadReference(f"the file {name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise BadReference(f"the file {name} is not UTF-8 text") from None
        if not value:
            raise BadReference(f"the file {name} is empty")
        return value

    def _from_program(self, line: str) -> str:
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise BadReference(f"the command after exec: cannot be read: {error}") from None
        if not words:
            raise BadReference("no program stands after exec:")
        try:
            done = subprocess.run(  # noqa: S603 - the administrator names the program; no shell is involved
                words,
                cwd=self._folder,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_EXEC_SECONDS,
                check=False,
            )
        except OSError as error:
            raise BadReference(f"{words[0]} cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise BadReference(f"{words[0]} gave no answer in {_EXEC_SECONDS} s") from None
        if done.returncode:
            # What it printed may hold the secret: it is not repeated here.
            raise BadReference(f"{words[0]} ended with status {done.returncode}", "Run it by hand to see why.")
        value = done.stdout.decode("utf-8", errors="replace").strip("\r\n")
        if not value:
            raise BadReference(f"{words[0]} printed nothing")
        return value
