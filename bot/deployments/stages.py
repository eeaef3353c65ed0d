"""The stages of a deployment as steps of a card, read from the row."""

from typing import Any

from bot.deployments.records import Deployment
from bot.deployments.rules import Kind, State
from bot.reply import Markup, Step, Steps, StepState, say

_BEFORE_DEPLOY = frozenset({State.PLANNING, State.AWAITING_APPROVAL, State.QUEUED})


def of(deployment: Deployment) -> Steps:
    """Return build, approval, deploy, verify and rollback as far as they concern this deployment."""
    steps = []
    if deployment.build_run or (deployment.state is State.PLANNING and deployment.kind is Kind.DEPLOY):
        steps.append(_build(deployment))
    if deployment.the_plan.asks and deployment.state not in _BEFORE_DEPLOY:
        steps.append(Step(key="approval", title="approved", state=StepState.DONE))
    if deployment.state is not State.PLANNING:
        steps.append(_deploy(deployment))
        steps.append(_verify(deployment))
    if deployment.state in {State.ROLLING_BACK, State.ROLLED_BACK, State.ROLLBACK_FAILED}:
        steps.append(_rollback(deployment))
    return Steps(title="Stages", steps=tuple(steps))


def _build(deployment: Deployment) -> Step:
    if deployment.digest:
        return Step(key="build", title="build", state=StepState.DONE, detail=_short(deployment.digest))
    if not deployment.build_run:
        return Step(key="build", title="plan", state=StepState.ACTIVE)
    state = StepState.FAILED if deployment.ended else StepState.ACTIVE
    return Step(
        key="build", title="build", state=state, detail=_run(deployment, "build"), url=_url(deployment, "build")
    )


def _deploy(deployment: Deployment) -> Step:
    state = deployment.state
    detail, url = _run(deployment, "deploy"), _url(deployment, "deploy")
    if state in {State.AWAITING_APPROVAL, State.QUEUED}:
        return Step(key="deploy", title="deploy", state=StepState.PENDING)
    if state is State.DEPLOYING:
        return Step(key="deploy", title="deploy", state=StepState.ACTIVE, detail=detail, url=url)
    if not deployment.deploy_run:
        return Step(key="deploy", title="deploy", state=StepState.SKIPPED)
    failed = deployment.code in {"deploy_failed", "cancelled"} or _said(deployment, "deploy", "state") == "failed"
    return Step(key="deploy", title="deploy", state=StepState.FAILED if failed else StepState.DONE, url=url)


def _verify(deployment: Deployment) -> Step:
    state = deployment.state
    looks, look = deployment.progress.get("looks"), deployment.progress.get("look")
    if not look:
        active = StepState.ACTIVE if state is State.VERIFYING else StepState.PENDING
        return Step(key="verify", title="verify", state=StepState.SKIPPED if deployment.ended else active)
    counted = say("{} of {}", look, looks)
    values = _measured(deployment)
    detail = say("{} · {}", counted, values) if values else counted
    if state is State.VERIFYING:
        return Step(key="verify", title="verify", state=StepState.ACTIVE, detail=detail)
    if state is State.SUCCEEDED:
        return Step(key="verify", title="verify", state=StepState.DONE, detail=values)
    if state is State.INCONCLUSIVE:
        return Step(key="verify", title="verify", state=StepState.ACTIVE, detail=say("inconclusive · {}", detail))
    return Step(key="verify", title="verify", state=StepState.FAILED, detail=detail)


def _rollback(deployment: Deployment) -> Step:
    title = f"roll back to {deployment.previous.name}"
    states = {
        State.ROLLING_BACK: StepState.ACTIVE,
        State.ROLLED_BACK: StepState.DONE,
        State.ROLLBACK_FAILED: StepState.FAILED,
    }
    detail = _run(deployment, "rollback") if deployment.state is State.ROLLING_BACK else Markup("")
    return Step(key="rollback", title=title, state=states[deployment.state], detail=detail)


def _measured(deployment: Deployment) -> Markup:
    found = deployment.progress.get("measured")
    if not isinstance(found, list):
        return Markup("")
    return Markup(" · ".join(say("{}", one[1]) for one in found if isinstance(one, list)))


def _said(deployment: Deployment, what: str, field: str) -> Any:  # noqa: ANN401 - a JSON value
    run = deployment.progress.get("run")
    if not isinstance(run, dict) or run.get("what") != what:
        return ""
    return run.get(field) or ""


def _url(deployment: Deployment, what: str) -> str:
    return str(_said(deployment, what, "url"))


def _run(deployment: Deployment, what: str) -> Markup:
    """Return what a run says of itself: the stage it is in, or why it waits."""
    stages = _said(deployment, what, "stages")
    if isinstance(stages, list):
        running = [stage[0] for stage in stages if isinstance(stage, list) and stage[1] == "running"]
        if running:
            return say("{}", running[-1])
    reason = _said(deployment, what, "reason")
    if reason:
        return say("{}", reason)
    return say("{}", _said(deployment, what, "state"))


def _short(digest: str) -> Markup:
    return say("{}", digest[:19])
