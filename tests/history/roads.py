"""What people and tools ask every day, by name: the roads that must stay short however long the history is."""

from collections.abc import Mapping

from tests.history.asked import Asked, listening
from tests.history.whole import Whole

READS: Mapping[str, str] = {
    "what runs where": "/where",
    "what runs where, of a service": "/where svc1",
    "where a version runs": "/where 1.4.1",
    "where a commit runs": "/where {sha}",
    "a version that never was": "/where 77.7.7",
    "deployments": "/deploys",
    "deployments of a service": "/deploys svc1",
    "deployments of a service on an environment": "/deploys svc1 in production",
    "deployments where none ever were": "/deploys svc3 in production",
    "audit": "/shipmate audit",
    "audit of a deployment": "/shipmate audit --on D-1002",
    "audit of a service": "/shipmate audit --on svc1",
    "audit of a person": "/shipmate audit --by mia",
    "audit of who did nothing": "/shipmate audit --by tom",
    "audit of an action": "/shipmate audit --action approve",
    "audit of the last minutes": "/shipmate audit --since 5m",
    "alerts": "/shipmate alerts",
    "an alert": "/shipmate alert A-1",
    "a plan": "/shipmate plan D-1002",
    "what differs": "/shipmate diff svc1",
    "drift": "/shipmate drift svc1",
    "evidence": "/shipmate evidence D-1002",
    "releases": "/shipmate release list svc1",
    "silences": "/shipmate silences",
    "freezes and locks": "/shipmate calendar",
    "requests for access": "/shipmate access list",
    "health": "/shipmate health",
}
"""What is read, as people type it."""


async def home(whole: Whole) -> None:
    """Open the home tab."""
    await whole.home("mia")


async def what_changed(whole: Whole) -> None:
    """Have an alert fire, whose message names what changed before it, and end."""
    number = whole.next_alert()
    await whole.alert("svc1", number)
    await whole.settled()
    await whole.alert("svc1", number, firing=False)


async def locked(whole: Whole) -> None:
    """Lock a place and let it go."""
    await whole.slash("mia", '/shipmate lock svc2 staging --reason "counting"')
    await whole.settled()
    await whole.slash("mia", "/shipmate unlock svc2 staging")


async def deployed(whole: Whole) -> None:
    """Deploy to staging, and to production with an approval."""
    for environment in ("staging", "production"):
        await whole.deploy("svc1", "1.4.1", environment)
        await whole.settled()


DOINGS = {
    "the home tab": home,
    "what changed before an alert": what_changed,
    "a lock": locked,
    "a deployment": deployed,
}
"""What takes more than one command."""


async def walked(whole: Whole, sha: str, *doings: str) -> Mapping[str, Asked]:
    """Return what the database was asked on each road, those of `doings` last."""
    found = {}
    for name, words in READS.items():
        with listening(whole.app.store) as asked:
            outcome = await whole.slash("mia", words.format(sha=sha[:7]))
            assert outcome["ok"], f"{words}: {outcome}"
            await whole.settled()
        found[name] = asked
    for name in doings:
        with listening(whole.app.store) as asked:
            await DOINGS[name](whole)
            await whole.settled()
        found[name] = asked
    return found


async def story(whole: Whole) -> None:
    """Live through what is copied into a long past."""
    await deployed(whole)
    await what_changed(whole)
    await whole.settled()
