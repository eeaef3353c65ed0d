"""What somebody asks for, what is known of it then, and what has moved since: plain values."""

from collections.abc import Mapping

from msgspec import Struct

from bot.catalog import Place
from bot.deployments.plan import Plan, Release
from bot.deployments.rules import Kind
from bot.freezes.freezes import Standing
from bot.identity import Person
from bot.locks.records import Lock
from bot.policy.facts import Facts
from bot.policy.verdicts import Verdict


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody asks for, with words already understood: a release on a place.

    `exception` is why it should go through a freeze, `force` why rules should be passed over, `fix` the word that it
    mends a bad release; `change_class` is the class that was asked for, "" for the one that fits. `subject` is the
    deployment, once there is one.
    """

    kind: Kind
    place: Place
    asked: str
    release: Release
    requester: Person
    again: bool = False
    exception: str = ""
    change_class: str = ""
    reason: str = ""
    force: str = ""
    fix: bool = False
    subject: str = ""


class Survey(Struct, frozen=True, kw_only=True):
    """All that is known about a wish: the release with its artifact, the plan and its digest, what is in the way.

    `lock` is set when one blocks, `freeze` where one is in force. `facts` are what the plan's verdicts were made of,
    by the rules that `policy` names.
    """

    release: Release
    plan: Plan
    plan_digest: str
    facts: Facts
    policy: str = ""
    lock: Lock | None = None
    holder: str = ""
    freeze: Standing = Standing()

    @property
    def refusal(self) -> Verdict | None:
        """The first rule that says no."""
        return self.plan.refusal


class Moved(Struct, frozen=True, kw_only=True):
    """What is not as it was when the plan was read.

    `gone` ends the deployment; else it is planned anew, with `release` where what was asked for is another commit now.
    `dropped` are people whose approval counts no more, with why; then nothing but the count has moved, and `approvers`
    are those who may be asked for another.
    """

    text: str
    code: str
    gone: bool = False
    release: Release | None = None
    dropped: Mapping[Person, str] | None = None
    approvers: tuple[Person, ...] = ()
