"""What whoever asks is answered: begun, would be, refused and why, and what they can do next."""

from collections.abc import Callable, Sequence

from bot.approvals.approvals import Standing as Approved
from bot.approvals.rules import State as ApprovalState, Vote
from bot.catalog import Place
from bot.deployments import messages, plan_messages
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.deployments.wishes import Survey, Wish
from bot.errors import BadInput, Refused
from bot.freezes import messages as freeze_messages
from bot.freezes.freezes import Standing
from bot.identity import Person
from bot.locks import messages as lock_messages
from bot.policy.rules import FREEZES
from bot.policy.verdicts import Verdict
from bot.reply import (
    Button,
    Buttons,
    Confirm,
    Markup,
    Note,
    Paragraph,
    Part,
    Reply,
    Style,
    Table,
    escape,
    joined,
    moment,
    say,
    text,
)


def begun(deployment: Deployment) -> Reply:
    """Answer that a deployment has begun; its card tells the rest."""
    line = say("*{}* {} has begun; its card shows how it goes.", deployment.id, deployment.title)
    return Reply(
        summary=f"{deployment.id} {deployment.title} has begun",
        parts=(Paragraph(line),),
        subject=deployment.id,
        shown_in=deployment.channel,
    )


def confirm_version(place: Place, release: Release, reason: str) -> Reply:
    """Answer a wish without a version: the one that is meant, to be confirmed."""
    args = {**_place_args(place), "version": release.version}
    if reason:
        args["reason"] = reason
    where = _where(place)
    line = say("No version was named. Deploy *{} {}* to {}?", place.service, release.name, where)
    button = Button(label=f"Deploy {release.name} to {where}"[:75], command="deploy", args=args, style=Style.PRIMARY)
    choose = Button(label="Another version…", command="deploy", args=_place_args(place), ask=True)
    summary = f"Deploy {place.service} {release.name} to {where}?"
    return Reply(summary=summary, parts=(Paragraph(line), Buttons((button, choose))), code="confirm")


def confirm_rollback(place: Place, running: Release, release: Release, reason: str) -> Reply:
    """Answer a rollback without a version: what it goes back to, to be confirmed."""
    args = {**_place_args(place), "version": release.version or release.sha}
    if reason:
        args["reason"] = reason
    line = say("Roll *{}* back from {} to *{}*?", place, running.name, release.name)
    button = Button(
        label=f"Roll back to {release.name}"[:75],
        command="rollback",
        args=args,
        style=Style.DANGER,
        confirm=Confirm(
            title=f"Roll back to {release.name}?"[:100],
            text=f"{place} goes back from {running.name} to {release.name}.",
            yes="Roll back",
        ),
    )
    summary = f"Roll {place} back from {running.name} to {release.name}?"
    return Reply(summary=summary, parts=(Paragraph(line), Buttons((button,))), code="confirm")


def would_be(wish: Wish, survey: Survey) -> Reply:
    """Answer a dry run: the plan, what is in the way, what would be asked. Nothing was started."""
    title = f"{wish.place.service} {survey.release.name} → {_where(wish.place)}"
    parts: list[Part] = [Paragraph(say("*{}* would do this; nothing was started.", title))]
    parts += plan_messages.plan_parts(survey.plan)
    refusal = survey.refusal
    if refusal is not None:
        parts.append(Paragraph(say("It would be refused: {}", _verdict(refusal))))
    elif survey.holder:
        parts.append(Paragraph(say("It would queue behind {}.", survey.holder)))
    if survey.plan.asks:
        parts.append(Note(say("It would ask for approval: {}", _asks(survey))))
    return Reply(summary=f"Dry run: {title}", parts=tuple(parts), code="dry_run")


def explained(wish: Wish, survey: Survey) -> Reply:
    """Answer `--explain`: every rule, its verdict and why, who could allow it, and when the way opens."""
    title = f"{wish.place.service} {survey.release.name} → {_where(wish.place)}"
    rows = tuple((escape(one.rule), Markup(_answer(one)), _because(one)) for one in survey.plan.verdicts)
    parts: list[Part] = [
        Paragraph(say("*{}*: every rule and its verdict; nothing was started.", title)),
        Table(("Rule", "Allows it", "Because"), rows),
    ]
    if survey.plan.asks:
        parts.append(Note(say("It would ask for approval: {}", _asks(survey))))
    return Reply(summary=f"Rules for {title}", parts=tuple(parts), code="explained")


def refusal(wish: Wish, survey: Survey, verdict: Verdict, name_of: Callable[[Person], str]) -> Refused:
    """Return the refusal of a wish by the rule that gave this verdict, with the next move.

    The lock and the freeze in the way stand at its top, whatever the rule is that refused.
    """
    refused = _refused(wish, survey, verdict, name_of)
    above = []
    lock = survey.lock
    if lock is not None and verdict.code != "locked":
        above.append(say("*{}* is {}.", lock.scope, lock_messages.standing(lock, name_of(lock.person))))
    if survey.freeze.halt is not None and verdict.rule != FREEZES:
        above.append(say("*{}* is {}.", wish.place, freeze_messages.standing(survey.freeze.halt, name_of)))
    if not above:
        return refused
    return Refused(refused.code, joined("\n", [*above, escape(refused.text)]), moves=refused.moves)


def _refused(wish: Wish, survey: Survey, verdict: Verdict, name_of: Callable[[Person], str]) -> Refused:
    head = f"Not deployed: {verdict.words}."
    moves: tuple[Button, ...] = ()
    args = {**_place_args(wish.place), "version": wish.asked}
    command = "rollback" if wish.kind is Kind.ROLLBACK else "deploy"
    if verdict.rule == FREEZES:
        return _frozen(verdict.code, wish, survey, command, name_of)
    if verdict.code == "locked" and survey.lock is not None:
        lock = survey.lock
        name = name_of(lock.person)
        wait = Button(label="Wait in the queue", command=command, args={**args, "patient": "yes"})
        moves = (wait, lock_messages.ask_button(lock, name), lock_messages.take_over_button(lock, name))
        return Refused(
            "locked", say("Not deployed: *{}* is {}.", lock.scope, lock_messages.standing(lock, name)), moves=moves
        )
    if verdict.code == "already_there":
        moves = (Button(label="Deploy it again", command=command, args={**args, "again": "yes"}),)
    elif verdict.code == "target_missing":
        moves = ()
    elif verdict.code == "checks_pending":
        moves = (Button(label="Try again", command=command, args=args),)
    elif verdict.code == "blocked":
        fix = {**_place_args(wish.place), "fix": "yes"}
        moves = (Button(label="Deploy a fix…", command="deploy", args=fix, ask=True),)
    elif verdict.code == "not_promoted":
        before = {"service": wish.place.service, "version": wish.asked}
        moves = (Button(label="Deploy it there first…", command="deploy", args=before, ask=True),)
    return Refused(verdict.code, head, moves=moves)


def _frozen(code: str, wish: Wish, survey: Survey, command: str, name_of: Callable[[Person], str]) -> Refused:
    standing, args = survey.freeze, {**_place_args(wish.place), "version": wish.asked}
    if standing.halt is None:
        raise ValueError("nothing is frozen")
    line = say("Not deployed: *{}* is {}.", wish.place, freeze_messages.standing(standing.halt, name_of))
    if standing.opens is not None and standing.opens != standing.halt.until:
        line = say("{} It is free {}.", line, moment(standing.opens, day=True))
    wait = Button(label="Wait until it ends", command=command, args={**args, "patient": "yes"})
    moves = [wait, freeze_messages.calendar_button(wish.place.service)]
    if standing.could:
        who = " and ".join(standing.could)
        line = say("{} {} may deploy all the same, with a reason.", line, f"Only {who}" if standing.denied else who)
        through = Button(label="Deploy all the same…", command=command, args=args, style=Style.DANGER, ask=True)
        moves.insert(1, through)
    elif standing.denied:
        line = say("{} It lets nobody make an exception.", line)
    return Refused(code, line, moves=tuple(moves))


def no_exception(deployment: Deployment, standing: Standing) -> Refused:
    """Return the refusal of an exception by somebody who may make none."""
    who = f"only {' and '.join(standing.could)} may" if standing.could else "nobody may"
    return Refused("no_exception", f"{deployment.id} waits for the freeze to end: {who} make an exception to it.")


def goes_through(deployment: Deployment, standing: Standing) -> Reply:
    """Answer that a deployment goes through freezes."""
    names = ", ".join(halt.freeze.name for halt in standing.passed)
    return text(f"{deployment.id} goes through the freeze {names}; the channel is told why.")


def under_way(other: Deployment) -> Refused:
    """Return the refusal of what is being done already."""
    show = Button(label=f"Show {other.id}", command="plan", args={"deployment": other.id})
    return Refused(
        "under_way",
        f"{other.id} is putting {other.version} on {other.place} already: it {now_words(other)}.",
        moves=(show,),
    )


def never_ran_there(place: Place, version: str, good: Sequence[str]) -> BadInput:
    """Return the refusal of a rollback to something that never ran well there."""
    choices = list(dict.fromkeys(good))[:3]
    known = f" These did: {', '.join(choices)}." if choices else ""
    moves = tuple(
        Button(label=f"Roll back to {one}"[:75], command="rollback", args={**_place_args(place), "version": one})
        for one in choices
    )
    return BadInput("never_ran_there", f"{version} never ran well on {place}.{known}", moves=moves)


def moved_on(deployment: Deployment, place: Place) -> Refused:
    """Return the refusal to undo what is no longer the newest."""
    move = Button(label=f"Roll back {place}…"[:75], command="rollback", args=_place_args(place))
    return Refused(
        "moved_on",
        f"{deployment.id} cannot be undone any more: it {now_words(deployment)}, and {place} may have changed since.",
        moves=(move,),
    )


def going_back(deployment: Deployment) -> Reply:
    """Answer that a rollback is under way."""
    summary = f"{deployment.id}: {deployment.place} goes back to {deployment.previous.name}"
    line = say("*{}*: {} goes back to {}.", deployment.id, deployment.place, deployment.previous.name)
    return Reply(summary=summary, parts=(Paragraph(line),), subject=deployment.id)


def voted(deployment: Deployment, standing: Approved, vote: Vote) -> Reply:
    """Answer a vote that was counted."""
    if vote is Vote.REJECT:
        summary = f"{deployment.id} is rejected."
    elif standing.approval.state is ApprovalState.APPROVED:
        summary = f"{deployment.id} is approved; it {now_words(deployment)}."
    else:
        missing = sum(standing.tally.missing)
        summary = (
            f"Your approval of {deployment.id} is counted; {missing} more {'is' if missing == 1 else 'are'} needed."
        )
    return Reply(summary=summary, parts=(Paragraph(escape(summary)),), subject=deployment.id)


def revoked(deployment: Deployment, standing: Approved) -> Reply:
    """Answer that an approval was taken back."""
    if standing.approval.state is ApprovalState.APPROVED:
        return text(
            f"Your approval of {deployment.id} is taken back; those of others suffice, so it {now_words(deployment)}."
        )
    return text(f"Your approval of {deployment.id} is taken back; it {now_words(deployment)}.")


def too_late_to_revoke(deployment: Deployment) -> Refused:
    """Return the refusal to take an approval back once it was sent, with what can be done instead."""
    moves: tuple[Button, ...] = ()
    if deployment.previous_sha and deployment.state in {State.DEPLOYING, State.VERIFYING, State.INCONCLUSIVE}:
        args = {**_place_args(deployment.place), "of": deployment.id}
        moves = (Button(label=f"Roll back to {deployment.previous.name}"[:75], command="rollback", args=args),)
    return Refused(
        "too_late_to_revoke",
        f"It is too late to take an approval of {deployment.id} back: it {now_words(deployment)}.",
        moves=moves,
    )


def stale_card(deployment: Deployment) -> Refused:
    """Return the refusal of a click on an old card, with what is current."""
    show = Button(label="Show the present plan", command="plan", args={"deployment": deployment.id})
    return Refused(
        "stale_card",
        f"That card shows an older plan of {deployment.id}. Now it is {deployment.title}, "
        f"{deployment.the_plan.total} commits: read it before you decide.",
        moves=(show,),
    )


def not_waiting(deployment: Deployment) -> Refused:
    """Return the refusal of a vote on what does not wait for one."""
    return Refused("not_waiting", f"{deployment.id} does not wait for approval: it {now_words(deployment)}.")


def raced(deployment: Deployment) -> Refused:
    """Return the refusal of who came a moment too late."""
    return Refused("raced", f"{deployment.id} changed at the same moment. Look at its card and ask again.")


def not_cancellable(deployment: Deployment) -> Refused:
    """Return the refusal to cancel what runs already or has ended."""
    if deployment.ended:
        return Refused("ended", f"{deployment.id} has ended already: it {now_words(deployment)}.")
    if deployment.state is State.ROLLING_BACK:
        return Refused("too_late_to_cancel", f"{deployment.id} is rolling back; that is not cancelled.")
    args = {**_place_args(deployment.place), "of": deployment.id}
    back = Button(label=f"Roll back to {deployment.previous.name}"[:75], command="rollback", args=args)
    return Refused(
        "too_late_to_cancel",
        f"{deployment.version} runs on {deployment.place} already; it can be rolled back.",
        moves=(back,) if deployment.previous_sha else (),
    )


def cancelled(deployment: Deployment) -> Reply:
    """Answer that it was cancelled."""
    return text(f"{deployment.id} is cancelled.")


def cancelling(deployment: Deployment) -> Reply:
    """Answer that the wish to cancel is passed on."""
    return text(f"{deployment.id} is being cancelled; its card shows when that is done.")


def kept(deployment: Deployment) -> Reply:
    """Answer that it was kept."""
    return text(f"{deployment.version} stays on {deployment.place}.")


def retried(deployment: Deployment) -> Reply:
    """Answer that it goes on."""
    return text(f"{deployment.id} goes on from where it stood.")


def plan(deployment: Deployment) -> Reply:
    """Answer with a plan in full."""
    found = deployment.the_plan
    parts: list[Part] = [
        Paragraph(say("*{}* {}: {}", deployment.id, deployment.title, messages.stands(deployment))),
        *plan_messages.plan_parts(found, lines=20),
    ]
    rows = tuple((escape(one.rule), Markup(_answer(one)), _because(one)) for one in found.verdicts)
    if rows:
        parts.append(Table(("Rule", "Allows it", "Because"), rows))
    summary = f"Plan of {deployment.id} {deployment.title}"
    return Reply(summary=summary, parts=tuple(parts), subject=deployment.id)


def now_words(deployment: Deployment) -> str:
    """Return how it stands, to follow "it"."""
    words = messages.stands(deployment)
    return words if words.startswith(("waits", "stands", "could")) else f"is {words}"


def unblocked(place: Place, versions: Sequence[str]) -> Reply:
    """Answer that releases may come again."""
    return text(f"{' and '.join(dict.fromkeys(versions))} may come to {place} again.")


def _verdict(one: Verdict) -> Markup:
    words = say("{}, until {}", one.words, moment(one.until, day=True)) if one.until else escape(one.words)
    return say("{} ({})", words, one.code) if one.code else words


def _answer(one: Verdict) -> str:
    return "passed over" if one.skipped else "yes" if one.ok else "no"


def _because(one: Verdict) -> Markup:
    """Return a verdict with who could let it through."""
    could = f"{' and '.join(one.could)} could let it through" if one.could and not one.ok else ""
    return say("{}; {}", _verdict(one), could) if could else _verdict(one)


def _asks(survey: Survey) -> str:
    asks = survey.plan.asks
    return " and ".join(
        f"{ask.count} of {' or '.join(ask.groups)}" + (f" ({ask.why})" if ask.why else "") for ask in asks
    )


def _where(place: Place) -> str:
    return f"{place.environment}/{place.target}" if place.target else place.environment


def _place_args(place: Place) -> dict[str, str]:
    args = {"service": place.service, "environment": place.environment}
    return {**args, "target": place.target} if place.target else args
