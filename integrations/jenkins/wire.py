"""What Jenkins tells us: messages of the Notification plugin, or of a `post` block in a Jenkinsfile. Pure.

Formats: https://plugins.jenkins.io/notification/ and the snippet in README.md, which is the same with fewer fields.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.capabilities.runs import RunRef
from integrations.contract import WebhookEvent
from integrations.errors import BadReply
from integrations.http import MISREAD, read_json, same
from integrations.jenkins.builds import state_of
from integrations.jenkins.names import RunName, job_and_number
from integrations.jenkins.settings import JenkinsSettings

SIGNATURE = "X-Shipmate-Signature"
_OVER = {"COMPLETED", "FINALIZED"}
_PHASES = {"QUEUED", "STARTED", "NONE", *_OVER}
_REQUEST_ID = "REQUEST_ID"
_LONGEST_ID = 255  # of an event


def verify(settings: JenkinsSettings, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether a message carries our secret: as a signature of its body, as a bearer token, or as a password.

    Without a `webhook_secret` in the settings nothing is taken.
    """
    if settings.webhook_secret is None:
        return False
    secret = settings.webhook_secret.get_secret_value().encode()
    signature = headers.get(SIGNATURE, "")
    if signature:
        wanted = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
        return same(signature, wanted)
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    given = value.strip().encode(errors="replace")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given, secret)


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:  # noqa: ARG001 -- a contract
    """Return what a message says: one run changed or finished.

    `ref` is the run as `list_builds` names it; `data["also"]` are further names that a follower may have for it. What
    it says of the state is only a reason to look.

    Raises:
        BadReply: it is of another format.
    """
    try:
        told = read_json(body)
        build = told["build"]
        number, phase = int(build["number"]), str(build["phase"])
        where = job_and_number(str(build.get("full_url") or build.get("url") or told.get("url") or ""))
        given = _request_ids(build)
    except MISREAD as error:
        raise _unreadable(instance, f"{error!r}", body) from error
    if where is None or phase not in _PHASES or number < 1:
        raise _unreadable(instance, "no build of a job in a known phase", body)
    job = where[0]
    names = [RunName(job, request_id=one) for one in given] + [RunName(job, number=number)]
    refs = [str(RunRef(instance, str(name))) for name in names]
    status = str(build.get("status") or "")
    # FINALIZED comes after COMPLETED, when artifacts and reports are there as well: each is a reason to look.
    event_id = f"{build.get('full_url') or job}#{number}:{phase}:{status}:{build.get('timestamp') or ''}"
    if len(event_id) > _LONGEST_ID:
        event_id = hashlib.sha256(event_id.encode()).hexdigest()
    scm = build.get("scm") if isinstance(build.get("scm"), dict) else {}
    data = {
        "also": refs[1:],
        "job": job,
        "number": f"#{number}",
        "url": str(build.get("full_url") or ""),
        "state": str(state_of({"building": phase not in _OVER, "result": status or None})),
        "title": f"{job} #{number}",
        "branch": str(scm.get("branch") or ""),
        "sha": str(scm.get("commit") or ""),
    }
    kind = "run.finished" if phase in _OVER else "run.changed"
    return (WebhookEvent(instance=instance, kind=kind, id=event_id, ref=refs[0], data=data),)


def _request_ids(build: Mapping[str, Any]) -> list[str]:
    """Return what may be our request id: the settings, which name its parameter, are not at hand here."""
    given = build.get("parameters")
    if not isinstance(given, dict):
        return []
    names = sorted((n for n in given if n.upper().endswith(_REQUEST_ID)), key=lambda n: not n.startswith("SHIPMATE_"))
    return [str(given[name]) for name in names if given[name]]


def _unreadable(instance: str, why: str, body: bytes) -> BadReply:
    excerpt = body[:500].decode(errors="replace")
    return BadReply(instance, f"this is no message of the Notification plugin: {why}", excerpt=excerpt)
