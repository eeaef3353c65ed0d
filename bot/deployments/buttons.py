"""The buttons of deployments: each runs a command with arguments, as if typed by who presses it."""

from collections.abc import Mapping

from bot.amounts import count
from bot.builds import buttons as run_buttons, progress
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.reply import Button, Confirm, Style


def of(deployment: Deployment) -> tuple[Button, ...]:
    """Return the buttons of a card: what a person may do about it now."""
    state = deployment.state
    back = (_back(deployment),) if deployment.previous_sha else ()
    if deployment.parked_at is not None:
        return to_go_on(deployment)
    if state is State.AWAITING_APPROVAL:
        show = Button(label="Show plan", command="plan", args={"deployment": deployment.id})
        return (*to_vote(deployment), show, _cancel(deployment))
    if state in {State.PLANNING, State.QUEUED, State.DEPLOYING}:
        end = () if deployment.cancel_at is not None else (_cancel(deployment),)
        return (*to_answer(deployment), *end)
    if state is State.INCONCLUSIVE:
        keep = Button(label="Keep it", command="keep", args={"deployment": deployment.id}, style=Style.PRIMARY)
        return (keep, *back)
    if state is State.VERIFYING:
        return back
    return tuple(to_answer(deployment)) if state is State.ROLLING_BACK else after_the_end(deployment)


def to_answer(deployment: Deployment) -> list[Button]:
    """Return a button for each action of the run under way that waits for a person."""
    actions = progress.actions(deployment.progress.get("run"))
    return run_buttons.of_actions(deployment.id, actions, by_person=bool(deployment.progress.get("by_person")))


def through(deployment: Deployment) -> tuple[Button, ...]:
    """Return what who may does about a freeze in the way."""
    args = {"deployment": deployment.id}
    return (Button(label="Go on all the same…", command="go-through", args=args, style=Style.DANGER, ask=True),)


def after_the_end(deployment: Deployment) -> tuple[Button, ...]:
    """Return what may follow an end: back, a fix, or the same again."""
    args = _args(deployment)
    if deployment.state is State.FAILED and deployment.deploy_run and deployment.previous_sha:
        return (_back(deployment), _fix(deployment))
    if deployment.state in {State.FAILED, State.ROLLED_BACK, State.ROLLBACK_FAILED}:
        return (_fix(deployment),)
    if deployment.state in {State.EXPIRED, State.VOID, State.CANCELLED, State.REFUSED}:
        label = f"Ask again for {deployment.version}"[:75]
        command = "rollback" if deployment.kind is Kind.ROLLBACK else "deploy"
        return (Button(label=label, command=command, args={**args, "version": deployment.asked}),)
    return ()


def to_vote(deployment: Deployment) -> tuple[Button, ...]:
    """Return the buttons of a decision, bound to the plan that is shown beside them."""
    bound = {"deployment": deployment.id, "plan": deployment.plan_digest}
    confirm = Confirm(
        title=f"Approve {deployment.id}?"[:100],
        text=f"{deployment.title}, {count(deployment.the_plan.total, 'commit')}. It goes on at once when this is the "
        "last approval that is needed.",
        yes="Approve",
        no="Not now",
    )
    return (
        Button(label="Approve", command="approve", args=bound, style=Style.PRIMARY, confirm=confirm),
        Button(label="Reject…", command="reject", args=bound, style=Style.DANGER, ask=True),
    )


def to_revoke(deployment: Deployment) -> Button:
    """Return the button for who has approved and does not want it any more."""
    confirm = Confirm(
        title=f"Take back your approval of {deployment.id}?"[:100],
        text=f"{deployment.title} waits for approval again, unless those of others suffice.",
        yes="Take it back",
    )
    args = {"deployment": deployment.id}
    return Button(label="Take back my approval", command="revoke", args=args, confirm=confirm)


def to_go_on(deployment: Deployment) -> tuple[Button, ...]:
    """Return what may be done about work that stands still."""
    buttons = [Button(label="Try again", command="retry", args={"deployment": deployment.id}, style=Style.PRIMARY)]
    if deployment.state in {State.PLANNING, State.DEPLOYING}:
        buttons.append(_cancel(deployment))
    if deployment.state is State.VERIFYING and deployment.previous_sha:
        buttons.append(_back(deployment))
    return tuple(buttons)


def _cancel(deployment: Deployment) -> Button:
    confirm = Confirm(title=f"Cancel {deployment.id}?", text=f"{deployment.title} is ended.", yes="Cancel it")
    return Button(label="Cancel", command="cancel", args={"deployment": deployment.id}, confirm=confirm)


def _back(deployment: Deployment) -> Button:
    warning = " It carries a migration marked irreversible." if deployment.irreversible else ""
    confirm = Confirm(
        title=f"Roll back to {deployment.previous.name}?"[:100],
        text=f"{deployment.place} goes back from {deployment.version} to {deployment.previous.name}.{warning}",
        yes="Roll back",
    )
    args: Mapping[str, str] = {**_args(deployment), "of": deployment.id}
    return Button(
        label=f"Roll back to {deployment.previous.name}"[:75],
        command="rollback",
        args=args,
        style=Style.DANGER,
        confirm=confirm,
    )


def _fix(deployment: Deployment) -> Button:
    return Button(label="Deploy a fix…", command="deploy", args={**_args(deployment), "fix": "yes"}, ask=True)


def _args(deployment: Deployment) -> dict[str, str]:
    args = {"service": deployment.service, "environment": deployment.environment}
    return {**args, "target": deployment.target} if deployment.target else args
