"""The identity provider as a program: node-oidc-provider, started on a free port, ended with the tests."""

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.clients.process import installed

SCRIPT = Path(__file__).parent / "provider" / "provider.mjs"
CLIENT, SECRET, TERMINAL = "shipmate", "the client's secret", "shipmate-terminal"
PASSWORD = "open sesame"

PEOPLE: dict[str, Any] = {
    "mia": {"email": "mia@example.org", "email_verified": True, "name": "Mia M.", "groups": ["developers"]},
    "ana": {"email": "Ana@Example.org", "email_verified": True, "name": "Ana", "groups": ["release-managers"]},
    "raj": {"email": "raj@example.org", "email_verified": True, "name": "Raj <b>", "groups": ["release-managers"]},
    "eve": {"email": "ana@example.org", "email_verified": False, "name": "Eve", "groups": ["release-managers"]},
}


class Program:
    """One running provider. `issuer` is where it listens."""

    def __init__(self, redirect_uris: list[str]) -> None:
        found = installed("provider")
        people = {name: {"password": PASSWORD, "acr": "", "claims": claims} for name, claims in PEOPLE.items()}
        clients = [
            {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": redirect_uris},
            {
                "client_id": TERMINAL,
                "token_endpoint_auth_method": "none",
                "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
                "response_types": [],
                "redirect_uris": [],
                "application_type": "native",
            },
        ]
        self._process = subprocess.Popen(
            [found["program"], str(SCRIPT), json.dumps({"people": people, "clients": clients})],
            cwd=found["path"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        assert first, "the identity provider ended before it listened"
        self.issuer: str = json.loads(first)["issuer"]

    def rotate(self) -> None:
        """Have it sign with new keys, and list them alone."""
        self._post("rotate", {})

    def know(self, name: str, *, acr: str = "", **claims: Any) -> None:
        """Have it know somebody, or know them otherwise."""
        known = {name: {"password": PASSWORD, "acr": acr, "claims": {**PEOPLE.get(name, {}), **claims}}}
        self._post("people", {"people": json.dumps(known)})

    def _post(self, what: str, form: Mapping[str, str]) -> None:
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.issuer}/-/{what}", data=body, timeout=60):  # noqa: S310 - ours
            pass

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=60)
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def running(*redirect_uris: str) -> Iterator[Program]:
    """Run a provider that sends browsers back to these addresses alone."""
    program = Program(list(redirect_uris))
    try:
        yield program
    finally:
        program.end()
