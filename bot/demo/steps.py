"""What the tours tell to try: the steps of a beginning, then alerts, and what makes approvals safe. No I/O.

Each step knows the words of Shipmate's by which it is seen to have begun and to be done.
"""

import re
from dataclasses import dataclass

_RELEASE = r"\d+\.\d+\.\d+"
_COMMIT = r"[0-9a-f]{7}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to try: its title, what to type, why; `{channel}` in `why` is where the cards are.

    `begun` and `done` are patterns of what Shipmate says then; the group `what` is the deployment or alert it is about,
    if any, and `how` what is told of it. Some steps are done as soon as they begin: these have no `begun`. With `push`
    the step has a button that has Tom push a commit.
    """

    key: str
    title: str
    lines: tuple[str, ...]
    why: str
    done: str
    begun: str = ""
    push: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """Steps under one heading, and what is said when all are done."""

    title: str
    intro: str
    steps: tuple[Step, ...]
    end: str
    more: tuple[tuple[str, str], ...] = ()


def _card(version: str, place: str, how: str) -> str:
    return rf"(?P<what>D-\d+) checkout {version} → {place}: (?P<how>{how}.*)"


START = Tour(
    title="Start here: three things to try",
    intro="This is a Slack workspace of your own. Shipmate is in it as it would be in Slack, and the service"
    " *checkout* really runs on this machine: on staging and in production, with customers who buy."
    " You begin as *Mia*, a developer. Type what follows in {channel}, or right here.",
    steps=(
        Step(
            key="good",
            title="A good deployment",
            lines=("/deploy checkout@1.4.2 to staging",),
            why="One card in {channel} shows every stage: checks, the build, the deploy, then ten seconds in which the"
            " error rate and the latency are watched.",
            begun=_card(re.escape("1.4.2"), "staging", ""),
            done=_card(_RELEASE, "staging", "done"),
        ),
        Step(
            key="bad",
            title="A bad one that rolls itself back",
            lines=("/deploy checkout@1.5.0 to staging",),
            why="1.5.0 starts well, then fails a third of its requests. Watch it being found out, and 1.4.2 coming"
            " back.",
            begun=_card(re.escape("1.5.0"), "staging", ""),
            done=_card(_RELEASE, "staging", "rolled back"),
        ),
        Step(
            key="approval",
            title="An approval",
            lines=("/deploy checkout@1.4.2 to production",),
            why="Production asks first, and nobody approves what they asked for themselves. So switch to *Ana*, at the"
            " top of the page, and press *Approve* below the card in {channel}.",
            begun=_card(re.escape("1.4.2"), "production", ""),
            done=_card(_RELEASE, "production", "done"),
        ),
    ),
    end="That was the first part. What is pinned below goes on: take it in any order.",
)

TRUST = Tour(
    title="Approvals you can trust: five things to try",
    intro="Who did what is told at the top of each card, and `/audit` keeps it. Switch people at the top of the page.",
    steps=(
        Step(
            key="push",
            title="Straight from a push",
            lines=(),
            why="Press the button: *Tom* pushes a commit to the branch `next`, and within half a minute Shipmate puts"
            " it on staging by itself, because the catalog says so.",
            begun=_card(_COMMIT, "staging", ""),
            done=_card(_COMMIT, "staging", "done"),
            push=True,
        ),
        Step(
            key="again",
            title="Asked again, because the change moved",
            lines=("/deploy checkout@next to production",),
            why="As *Mia*, type this and leave it waiting. Then press the button, and when that commit is on staging,"
            " approve as *Raj* (Ana wrote a part of it). What he approved is not what `next` is now: nothing is"
            " deployed, and he is asked again, with the difference. Approve that one, too.",
            begun=rf"Approval wanted: (?P<what>D-\d+) checkout {_COMMIT} → production, (?P<how>.*)",
            done=r"Approval wanted again: (?P<what>D-\d+) checkout \S+ → production, (?P<how>.*)",
            push=True,
        ),
        Step(
            key="freeze",
            title="A freeze",
            lines=('/freeze checkout/production --for 30m --reason "month end"', "/unfreeze checkout/production"),
            why="As *Ana*, type the first line. Now try any deployment to production as *Mia*: it is refused, with the"
            " reason, who may make an exception, and a place in the queue. The second line ends it.",
            begun=r"checkout/production is now (?P<how>frozen by .*)",
            done=r"checkout/production is (?P<how>no longer frozen.*)",
        ),
        Step(
            key="lock",
            title="A lock that is taken over",
            lines=('/lock checkout/production --reason "looking at the database"', "/lock checkout/production"),
            why="Type the first line as *Tom*, the second as *Raj*, and press *Take over the lock…*: Tom is told. Let"
            " everybody in again with `/unlock checkout/production`.",
            begun=r"checkout/production is now (?P<how>locked by @tom.*)",
            done=r"checkout/production is now (?P<how>locked by @(?!tom\b).*)",
        ),
        Step(
            key="emergency",
            title="An emergency",
            lines=('/deploy checkout@next to production --class emergency --reason "cards are declined"',),
            why="Press the button, wait until the commit is on staging, then type this as *Mia*. One person who is on"
            " call and wrote none of it is enough: approve as *Raj*. It is told loudly, and somebody else has to review"
            " it by the next working day.",
            begun=rf"Approval wanted: (?P<what>D-\d+) checkout {_COMMIT} → production, (?P<how>.*emergency.*)",
            done=r"(?P<what>D-\d+) checkout \S+ → production is (?P<how>an emergency by .*)",
            push=True,
        ),
    ),
    end="That was the part on approvals: the pinned message says what else there is.",
    more=(
        ("/where checkout", "what runs where, and since when"),
        ("/deploy", "a form, for those who do not remember the words"),
        ("/deploy checkout@1.4.2 to production --explain", "every rule and its verdict; nothing is started"),
        ("/rollback checkout in production", "back to the version before"),
        ("/calendar", "what is locked and frozen, now and next"),
        ("/metrics checkout in production", "a chart of its error rate and latency"),
        ("/audit", "who did what, by which rule, and how it ended"),
        ("/shipmate help", "everything else"),
    ),
)

ALERTS = Tour(
    title="An alert, and what caused it: a minute to watch",
    intro="Prometheus watches production, and Alertmanager tells Shipmate what it finds. Be *Raj*, who is on call:"
    " switch at the top of the page.",
    steps=(
        Step(
            key="load",
            title="A bad version that nobody notices",
            lines=('/deploy checkout@1.4.3 to production --force "the sale starts at noon"',),
            why="1.4.3 goes straight to production, past staging and approvals, and that is told loudly. It does well"
            " for half a minute, longer than its deployment is watched. Then it runs out of connections.",
            begun=_card(re.escape("1.4.3"), "production", ""),
            done=_card(re.escape("1.4.3"), "production", "done"),
        ),
        Step(
            key="fires",
            title="The alert",
            lines=(),
            why="Nothing to do but wait. One message in {channel} shows what fires and *what"
            " changed before*: your deployment. Its graph is in the thread.",
            done=r"(?P<what>A-\d+) (?P<how>firing): CheckoutErrors .*",
        ),
        Step(
            key="acknowledge",
            title="On it",
            lines=(),
            why="As *Raj*, press *Acknowledge* below the alert in {channel}, so that everybody knows who is on it."
            " There is also *Silence…*: it says first what it would be about.",
            done=r"(?P<what>A-\d+) (?P<how>acknowledged), firing: CheckoutErrors .*",
        ),
        Step(
            key="back",
            title="Back to what ran before",
            lines=(),
            why="Press *Roll back D-…* on the alert. It says from what to what, and starts at once.",
            begun=_card(r"back to \S+", "production", ""),
            done=_card(r"back to \S+", "production", "(?:being verified|done)"),
        ),
        Step(
            key="over",
            title="Over",
            lines=(),
            why="Within seconds customers are served again, Prometheus sees it, and the same message says so.",
            done=r"(?P<what>A-\d+) (?P<how>resolved): CheckoutErrors .*",
        ),
    ),
    end="That was an alert, from its first word to its last.",
    more=(
        ("/alerts", "what fires, and who is on it"),
        ("/alert A-1", "one of them from near, with its single alerts"),
        ("/silences", "what is kept quiet, by whom, until when"),
    ),
)

TOURS = (START, ALERTS, TRUST)
