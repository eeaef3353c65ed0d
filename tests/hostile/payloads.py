"""One genuine delivery of each kind, with the fields that are read of it: what mutations start from.

GitLab: https://docs.gitlab.com/user/project/integrations/webhook_events/
Jenkins: https://plugins.jenkins.io/notification/
Alertmanager: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
PagerDuty: https://developer.pagerduty.com/docs/webhooks-overview
Twilio: https://www.twilio.com/docs/voice/twiml#request-parameters
Slack: https://docs.slack.dev/reference/interaction-payloads and https://docs.slack.dev/reference/events
"""

import json
from typing import Any, Final

Json = dict[str, Any]

_PROJECT: Final = {
    "id": 7,
    "path_with_namespace": "acme/checkout",
    "web_url": "https://gitlab.example.org/acme/checkout",
}
_MR: Final = {
    "iid": 3, "title": "Pay", "url": "https://gitlab.example.org/3", "state": "opened", "source_branch": "pay",
    "target_branch": "main", "action": "open", "last_commit": {"id": "c" * 40}, "oldrev": "d" * 40, "draft": False,
}  # fmt: skip

GITLAB: Final[dict[str, Json]] = {
    "push": {
        "object_kind": "push", "ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40,
        "checkout_sha": "b" * 40, "user_username": "mia", "project_id": 7, "project": _PROJECT,
        "commits": [{"id": "b" * 40, "title": "Fix", "message": "Fix", "url": "u", "author": {"name": "Mia"}}],
        "total_commits_count": 1,
    },
    "pipeline": {
        "object_kind": "pipeline", "project": _PROJECT, "user": {"username": "mia"},
        "object_attributes": {"id": 9, "status": "success", "ref": "main", "tag": False, "sha": "b" * 40},
        "commit": {"title": "Fix", "message": "Fix"}, "merge_request": {"iid": 3},
    },
    "build": {
        "object_kind": "build", "project_id": 7, "pipeline_id": 9, "build_name": "make", "build_stage": "build",
        "build_status": "failed", "ref": "main", "sha": "b" * 40, "project_name": "acme / checkout",
    },
    "merge_request": {
        "object_kind": "merge_request", "project": _PROJECT, "object_attributes": _MR,
        "reviewers": [{"username": "tom"}], "user": {"username": "mia"},
    },
    "deployment": {
        "object_kind": "deployment", "project": _PROJECT, "deployment_id": 4, "environment": "staging",
        "status": "success", "commit_url": "https://gitlab.example.org/c/abc", "user": {"username": "mia"},
    },
    "issue": {
        "object_kind": "issue", "project": _PROJECT, "assignees": [{"username": "tom"}], "user": {"username": "mia"},
        "object_attributes": {"iid": 5, "title": "T", "url": "u", "state": "opened", "action": "open"},
    },
    "note": {
        "object_kind": "note", "project": _PROJECT, "merge_request": {"iid": 3}, "user": {"username": "mia"},
        "object_attributes": {"noteable_type": "MergeRequest", "note": "Hm", "url": "u"},
    },
}  # fmt: skip
JENKINS: Final[dict[str, Json]] = {
    "build": {
        "name": "checkout", "url": "job/checkout/",
        "build": {
            "full_url": "https://jenkins.example.org/job/checkout/12/", "number": 12, "phase": "FINALIZED",
            "status": "SUCCESS", "timestamp": 1700000000000, "url": "job/checkout/12/",
            "parameters": {"SHIPMATE_REQUEST_ID": "D-1/build"}, "scm": {"branch": "main", "commit": "b" * 40},
        },
    }
}  # fmt: skip
ALERTS: Final[dict[str, Json]] = {
    "firing": {
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "shipmate",
        "groupLabels": {"alertname": "Slow"}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://am.example.org",
        "alerts": [{
            "status": "firing", "labels": {"alertname": "Slow", "service": "checkout", "severity": "critical"},
            "annotations": {"summary": "Slow", "runbook_url": "https://runbooks.example.org/slow"},
            "startsAt": "2026-11-23T17:19:33.282815323Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prom.example.org/graph", "fingerprint": "ba488413406552f7",
        }],
    }
}  # fmt: skip
PAGERDUTY: Final[dict[str, Json]] = {
    "acknowledged": {
        "event": {
            "id": "01A", "event_type": "incident.acknowledged", "agent": {"type": "user_reference", "id": "PABC123"},
            "data": {"incident_key": "shipmate:pd:A-1", "id": "Q1"},
        }
    }
}  # fmt: skip
NTFY: Final[dict[str, Json]] = {"button": {"page": "A-1/1/mia", "topic": "mia"}}
POSTED: Final[dict[str, Json]] = {
    "acknowledged": {"type": "acknowledged", "page": "A-1/1/mia", "address": "https://x.example.org", "words": "on it"},
    "delivery": {"type": "delivery", "page": "A-1/1/mia", "delivery": "delivered", "ref": "1", "reason": ""},
}
PHONE: Final[dict[str, Json]] = {
    "digits": {"CallSid": "CA1", "Digits": "1", "To": "+15005550001", "CallStatus": "in-progress"},
    "message": {"MessageSid": "SM1", "Body": "ack 123456", "From": "+15005550001"},
    "status": {"MessageSid": "SM1", "MessageStatus": "delivered", "ErrorCode": ""},
    "call": {"CallSid": "CA1", "CallStatus": "completed", "AnsweredBy": "human"},
}
WEBHOOKS: Final[dict[str, dict[str, Json]]] = {
    "gitlab": GITLAB,
    "signing": GITLAB,
    "jenkins": JENKINS,
    "am": ALERTS,
    "am2": ALERTS,
    "pd": PAGERDUTY,
    "ntfy": NTFY,
    "post": POSTED,
}
"""By instance, what arrives as JSON; a telephone's deliveries are forms."""


def slack(team: str, user: str, channel: str, number: int) -> dict[str, Json]:
    """Return an interaction or event of each kind, by a person in a channel; `number` makes ids new."""
    person = {"id": user, "username": "mia", "name": "mia", "team_id": team}
    trigger = f"{number}.{number}.fuzz"
    message = {"ts": "1700000000.000100", "text": "hello", "user": user}
    common: Json = {"team": {"id": team, "domain": "acme"}, "user": person, "trigger_id": trigger, "api_app_id": "A1"}
    where = {"channel": {"id": channel, "name": "checkout"}, "message": message}
    view = {
        "id": "V1", "hash": "1.abc", "callback_id": "args:lock", "private_metadata": json.dumps({"channel": channel}),
        "blocks": [{"type": "input", "block_id": "arg:service", "element": {"action_id": "service"}}],
        "state": {"values": {"arg:service": {"service": {"type": "plain_text_input", "value": "nothing"}}}},
    }  # fmt: skip
    pressed = {
        "type": "button", "action_id": "do:where:1", "value": json.dumps({"service": "checkout"}),
        "action_ts": "1700000000.0", "block_id": "b",
    }  # fmt: skip
    chosen = {
        "type": "overflow", "action_id": "more:1",
        "selected_option": {"value": json.dumps({"c": "where", "a": {"service": "checkout"}})},
    }  # fmt: skip
    container = {"type": "message", "message_ts": message["ts"], "channel_id": channel}
    event = {"type": "event_callback", "team_id": team, "event_id": f"Ev{number}", "api_app_id": "A1"}
    said = {"user": user, "channel": channel, "ts": "1700000000.000200", "text": "<@UBOT> where checkout", "team": team}
    return {
        "press": {**common, **where, "type": "block_actions", "actions": [pressed], "container": container},
        "choice": {**common, **where, "type": "block_actions", "actions": [chosen], "container": container},
        "submission": {**common, "type": "view_submission", "view": view},
        "closed": {**common, "type": "view_closed", "view": view},
        "options": {
            **common, "type": "block_suggestion", "view": view, "action_id": "service", "value": "ch",
            "block_id": "arg:service",
        },
        "shortcut": {**common, "type": "shortcut", "callback_id": "args:lock", "action_ts": "1700000000.0"},
        "about": {
            **common, **where, "type": "message_action", "callback_id": "args:issue create",
            "message_ts": message["ts"], "action_ts": "1700000000.0",
        },
        "mention": {**event, "event": {**said, "type": "app_mention"}},
        "direct": {**event, "event": {**said, "type": "message", "channel_type": "im"}},
        "reaction": {
            **event,
            "event": {
                "type": "reaction_added", "user": user, "reaction": "eyes", "event_ts": "1700000000.0",
                "item": {"type": "message", "channel": channel, "ts": message["ts"]},
            },
        },
        "link": {
            **event,
            "event": {
                "type": "link_shared", "user": user, "channel": channel, "message_ts": message["ts"],
                "links": [{"url": "https://gitlab.example.org/x", "domain": "example.org"}],
            },
        },
        "home": {**event, "event": {"type": "app_home_opened", "user": user, "tab": "home", "channel": channel}},
        "person": {**event, "event": {"type": "user_change", "user": {**person, "profile": {"email": "m@x.org"}}}},
    }  # fmt: skip


def command(team: str, user: str, channel: str, number: int) -> Json:
    """Return the form of a slash command."""
    return {
        "command": "/shipmate",
        "text": "where checkout",
        "user_id": user,
        "user_name": "mia",
        "team_id": team,
        "channel_id": channel,
        "channel_name": "checkout",
        "trigger_id": f"{number}.{number}.form",
        "response_url": "",
    }
