"""The one evaluator: facts and a policy in, a judgement out. Every command and every trigger is decided here. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from bot.policy.facts import DEPLOY, ROLLBACK, Facts
from bot.policy.policy import ApprovalRule, PlacePolicy, Standard
from bot.policy.rules import (
    APPROVALS,
    CLASS,
    all_match,
    judge_blocked,
    judge_checks,
    judge_freeze,
    judge_lock,
    judge_promotion,
    judge_same,
    judge_target,
    matching,
)
from bot.policy.verdicts import Ask, Verdict

NORMAL, STANDARD, EMERGENCY, FORCED = "normal", "standard", "emergency", "forced"
"""The classes of changes. A forced one is what break-glass makes of any."""

CONTENT = frozenset(("artifact_moved", "ref_moved"))
"""Reason codes of gates about what is deployed: no force passes over them, whatever the policy lets it skip."""

RESTORES, EXCEPTION = "restores", "exception"
"""Why a freeze is not in the way: `FreezeSeen.passed`."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What was decided of a wish, rule by rule, and who must agree before it is done.

    `skipped` are the reason codes that were passed over by force, and "approvals" where people would have been asked.
    `authors_excluded` says that who wrote the change cannot approve it, `review` that somebody must look at it
    afterwards. `policy` is the digest of the rules that decided.
    """

    verdicts: tuple[Verdict, ...]
    asks: tuple[Ask, ...] = ()
    change_class: str = NORMAL
    skipped: tuple[str, ...] = ()
    authors_excluded: bool = True
    review: bool = False
    policy: str = ""

    @property
    def refusal(self) -> Verdict | None:
        """The first rule that says no."""
        return next((verdict for verdict in self.verdicts if not verdict.ok), None)

    @property
    def allowed(self) -> bool:
        """Whether no rule says no; people may have to agree all the same."""
        return self.refusal is None


class _Class(Struct, frozen=True):
    """The class that a change is dealt with as, and the verdict about that."""

    name: str
    verdict: Verdict | None = None
    standard: Standard | None = None


def evaluate(facts: Facts, policy: PlacePolicy) -> Judgement:
    """Decide about a wish: each rule's verdict in the order in which they are told, and who must agree."""
    of_class = _class_of(facts, policy)
    required = policy.checks
    if of_class.name == EMERGENCY and policy.emergency is not None:
        required = tuple(name for name in required if name in policy.emergency.checks)
    keyed = [
        ("", judge_target(wanted=facts.target, targets=policy.targets, place=facts.place)),
        ("freezes", _freezes(facts)),
        ("locks", judge_lock(facts.lock)),
    ]
    same = judge_same(
        running_sha=facts.running_sha,
        sha=facts.sha,
        version=facts.version,
        place=facts.place,
        again=facts.again or bool(facts.drift),
    )
    if facts.kind == DEPLOY:
        keyed += [
            ("blocked", judge_blocked(facts.blocked, version=facts.version, fix=facts.fix)),
            ("promotion", _promotion(facts, policy)),
            ("", same),
            ("checks", _shortened(judge_checks(required=required, states=facts.checks or {}), policy, required)),
        ]
    else:
        keyed.append(("", same))
    keyed += [("" if gate.code in CONTENT else "gates", gate) for gate in facts.gates]
    skips = (policy.force or ()) if of_class.name == FORCED else ()
    could = facts.could_force if policy.force is not None else ()
    verdicts = [
        _passed_over(one, skipped=key in skips, could=could if key in (policy.force or ()) else ())
        for key, one in keyed
    ]
    if of_class.verdict is not None:
        verdicts.insert(0, of_class.verdict)
    wanted = _asks(facts, policy, of_class)
    asks = () if "approvals" in skips else wanted
    verdicts.append(_approvals(asks, wanted, of_class))
    skipped = tuple(one.skipped for one in verdicts if one.skipped)
    return Judgement(
        verdicts=tuple(verdicts),
        asks=asks,
        change_class=of_class.name,
        skipped=skipped,
        authors_excluded=facts.kind != ROLLBACK and (of_class.name == EMERGENCY or not policy.authors_may_approve),
        review=of_class.name in {EMERGENCY, FORCED},
        policy=policy.digest,
    )


def _class_of(facts: Facts, policy: PlacePolicy) -> _Class:
    if facts.force:
        return _Class(FORCED, _may_force(facts, policy))
    if facts.change_class == EMERGENCY:
        return _Class(EMERGENCY, _may_be_emergency(facts, policy))
    fits = next((one for one in policy.standard if _fits(facts, one)), None)
    if facts.change_class == STANDARD and fits is None:
        return _Class(NORMAL, _no_standard(policy))
    if fits is not None and facts.change_class != NORMAL:
        words = f"standard change {fits.name}: approved once and for all"
        return _Class(STANDARD, Verdict(rule=CLASS, ok=True, words=words), fits)
    said = Verdict(rule=CLASS, ok=True, words=NORMAL) if facts.change_class or policy.standard else None
    return _Class(NORMAL, said)


def _fits(facts: Facts, standard: Standard) -> bool:
    if facts.kind not in standard.kinds or facts.irreversible:
        return False
    return not standard.paths or all_match(facts.files, standard.paths)


def _no_standard(policy: PlacePolicy) -> Verdict:
    kinds = ", ".join(
        f"{one.name} ({' or '.join(one.kinds)} of {', '.join(one.paths) or 'any files'})" for one in policy.standard
    )
    there = f"the standard changes here are {kinds}, and none that cannot be undone" if kinds else "there are none here"
    return Verdict(rule=CLASS, ok=False, code="not_standard", words=f"it is no standard change: {there}")


def _may_force(facts: Facts, policy: PlacePolicy) -> Verdict:
    if policy.force is None:
        words = f"nothing may be forced on {facts.service}/{facts.environment}: the policy names no rule to pass over"
        return Verdict(rule=CLASS, ok=False, code="no_force", words=words)
    if not facts.may_force:
        who = f"only {' and '.join(facts.could_force)} may" if facts.could_force else "nobody may"
        words = f"you may not force this: {who}"
        return Verdict(rule=CLASS, ok=False, code="no_force", words=words, could=facts.could_force)
    return Verdict(rule=CLASS, ok=True, words=f"forced: {facts.force}")


def _may_be_emergency(facts: Facts, policy: PlacePolicy) -> Verdict:
    if policy.emergency is None:
        words = f"the policy knows no emergencies on {facts.service}/{facts.environment}"
        return Verdict(rule=CLASS, ok=False, code="no_emergency", words=words)
    return Verdict(rule=CLASS, ok=True, words=f"emergency: {facts.reason}" if facts.reason else "emergency")


def _freezes(facts: Facts) -> Verdict:
    frozen = [one for one in facts.freezes if not one.passed]
    passed = [one for one in facts.freezes if one.passed]
    ends = [one.until for one in passed if one.until is not None]
    because = "putting back what ran before restores, so it goes on"
    if facts.exceptor:
        because = f"exception by @{facts.exceptor}: {facts.exception}"
    elif any(one.passed == EXCEPTION for one in passed):
        because = f"exception: {facts.exception}"
    could = frozen[0].could if frozen else ()
    verdict = judge_freeze(
        frozen=[one.words for one in frozen],
        passed=[one.words for one in passed],
        because=because,
        denied=could if facts.exception_denied else None,
        until=facts.opens if frozen else max(ends, default=None),
    )
    return replace(verdict, could=could)


def _promotion(facts: Facts, policy: PlacePolicy) -> Verdict:
    verdict = None
    for target in policy.promote_targets or ("",):
        before = "/".join(part for part in (policy.promote_from, target) if part)
        stands = facts.standing.get(before, "")
        verdict = judge_promotion(promote_from=before, succeeded_sha=stands, sha=facts.sha, version=facts.version)
        if not verdict.ok:
            break
    assert verdict is not None  # noqa: S101 - there is at least one target
    return verdict


def _shortened(verdict: Verdict, policy: PlacePolicy, required: tuple[str, ...]) -> Verdict:
    left_out = [name for name in policy.checks if name not in required]
    if not left_out:
        return verdict
    return replace(verdict, words=f"{verdict.words}; not waited for in an emergency: {', '.join(left_out)}")


def _passed_over(verdict: Verdict, *, skipped: bool, could: tuple[str, ...]) -> Verdict:
    """Return a no as it stands after break-glass: passed over, or with those named who could pass it over."""
    if verdict.ok:
        return verdict
    if skipped:
        return replace(verdict, ok=True, code="", skipped=verdict.code, words=f"passed over by force: {verdict.words}")
    return replace(verdict, could=tuple(dict.fromkeys((*verdict.could, *could))))


def _asks(facts: Facts, policy: PlacePolicy, of_class: _Class) -> tuple[Ask, ...]:
    if of_class.name == STANDARD:
        return ()
    if of_class.name == EMERGENCY and policy.emergency is not None:
        return (Ask(count=1, groups=policy.emergency.approvers, why="it is an emergency"),)
    found = ((rule, _why(facts, rule)) for rule in policy.approvals)
    return tuple(Ask(count=rule.count, groups=rule.groups, why=why) for rule, why in found if why is not None)


def _why(facts: Facts, rule: ApprovalRule) -> str | None:
    """Return why a rule asks people about this change, "" where it asks about every one, None where it does not."""
    if rule.always:
        return ""
    if rule.irreversible and facts.irreversible:
        return f"{facts.irreversible[0]} cannot be undone"
    found = matching(facts.files, rule.paths) if rule.paths else None
    if rule.irreversible and facts.files is None:
        found = ""
    if found is None:
        return None
    return f"{found} changes" if found else "which files change is not known"


def _approvals(asks: tuple[Ask, ...], wanted: tuple[Ask, ...], of_class: _Class) -> Verdict:
    words = " and ".join(_words(ask) for ask in asks)
    if asks:
        return Verdict(rule=APPROVALS, ok=True, words=words)
    if wanted:
        skipped = f"passed over by force: {' and '.join(_words(ask) for ask in wanted)}"
        return Verdict(rule=APPROVALS, ok=True, words=skipped, skipped="approvals")
    if of_class.standard is not None:
        return Verdict(
            rule=APPROVALS, ok=True, words=f"none are needed for the standard change {of_class.standard.name}"
        )
    return Verdict(rule=APPROVALS, ok=True, words="none are needed")


def _words(ask: Ask) -> str:
    words = f"{ask.count} of {' or '.join(ask.groups)}"
    return f"{words} ({ask.why})" if ask.why else words
