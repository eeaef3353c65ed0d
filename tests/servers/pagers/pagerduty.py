"""A stand-in of PagerDuty's Events API v2 and webhooks v3, from its developer documentation (2026-08)."""

import hashlib
import hmac
import json
from typing import Any

import aiohttp
from aiohttp import web

ROUTING_KEY = "R0UT1NGKEY0F0URSTANDIN0000000001"
SECRET = "the-secret-of-the-webhook-subscription"
USER = {
    "html_url": "https://acme.pagerduty.com/users/PLH1HKV",
    "id": "PLH1HKV",
    "self": "https://api.pagerduty.com/users/PLH1HKV",
    "summary": "Tenex Engineer",
    "type": "user_reference",
}


class PagerDutyStandIn:
    """Keeps events, and the alerts they are about by their `dedup_key`."""

    url = ""
    """Where it is served."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.alerts: dict[str, str] = {}
        self._told = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v2/enqueue", self._enqueue)]

    async def tell(
        self, url: str, key: str, *, kind: str = "acknowledged", agent: Any = None, secret: str = SECRET
    ) -> int:
        """Post what happened to an incident to a webhook; returns the status of its answer."""
        self._told += 1
        event = {
            "id": f"5ac64822-4adc-4fda-ade0-{self._told:012d}",
            "event_type": f"incident.{kind}",
            "resource_type": "incident",
            "occurred_at": "2020-10-02T18:45:22.169Z",
            "agent": agent,
            "client": {"name": "PagerDuty"},
            "data": {
                "id": "PGR0VU2",
                "type": "incident",
                "self": "https://api.pagerduty.com/incidents/PGR0VU2",
                "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
                "number": 2,
                "status": kind,
                "incident_key": key,
                "created_at": "2020-04-09T15:16:27Z",
                "title": "A little bump in the road",
                "assignees": [],
                "teams": [],
                "urgency": "high",
                "resolve_reason": None,
            },
        }
        body = json.dumps({"event": event}).encode()
        old = hmac.new(b"a secret that is being replaced", body, hashlib.sha256).hexdigest()
        new = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-PagerDuty-Signature": f"v1={old},v1={new}"}
        async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as answer:
            return answer.status

    async def _enqueue(self, request: web.Request) -> web.Response:
        try:
            event = await request.json()
        except ValueError:
            return _invalid("JSON cannot be parsed")
        wrong = _wrong(event)
        if wrong:
            return _invalid(*wrong)
        key = event.get("dedup_key") or f"generated-{len(self.events)}"
        self.events.append(event)
        action = event["event_action"]
        if action == "trigger":
            if self.alerts.get(key, "resolved") == "resolved":
                self.alerts[key] = "triggered"
        elif self.alerts.get(key, "resolved") != "resolved":
            self.alerts[key] = "resolved" if action == "resolve" else "acknowledged"
        told = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(told, status=202)


def _wrong(event: Any) -> list[str]:
    if not isinstance(event, dict):
        return ["the event is no object"]
    wrong = []
    if event.get("routing_key") != ROUTING_KEY:
        wrong.append("Invalid routing key")
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        wrong.append("'event_action' is missing or wrong")
    if len(event.get("dedup_key", "")) > 255:
        wrong.append("'dedup_key' is too long")
    if event.get("event_action") != "trigger":
        return wrong if event.get("dedup_key") else [*wrong, "'dedup_key' is missing or blank"]
    payload = event.get("payload", {})
    wrong += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
    if len(payload.get("summary", "")) > 1024:
        wrong.append("'payload.summary' is too long")
    if payload.get("severity") not in {"critical", "error", "warning", "info"}:
        wrong.append("'payload.severity' is invalid (must be one of: critical, error, warning, info)")
    return wrong


def _invalid(*errors: str) -> web.Response:
    told = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return web.json_response(told, status=400)
