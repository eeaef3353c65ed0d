"""Every command, in the order in which help lists them."""

from functools import cache

from bot.access.rules import GRANT
from bot.command import Command
from bot.policy.policy import FORCE
from bot.registry import Registry, installed
from commands import (
    access,
    answer,
    approve,
    audit,
    build,
    calendar,
    cancel,
    cd,
    connect,
    delegate,
    deploy,
    deploys,
    diff,
    drift,
    erase,
    evidence,
    freeze,
    issue,
    lock,
    login,
    metrics,
    mr,
    notify,
    policy,
    promote,
    reject,
    release,
    review,
    revoke,
    rollback,
    shipmate,
    signoff,
    tests,
    unblock,
    unlock,
    where,
)

COMMANDS: tuple[Command, ...] = (
    deploy.deploy,
    where.where,
    approve.approve,
    reject.reject,
    revoke.revoke,
    delegate.delegate,
    notify.notify,
    rollback.rollback,
    cancel.cancel,
    promote.promote,
    release.cut,
    release.show,
    release.list_,
    release.notes,
    signoff.signoff,
    evidence.of_release,
    deploys.deploys,
    review.review,
    unblock.unblock,
    diff.diff,
    drift.drift,
    deploy.plan,
    lock.lock,
    unlock.unlock,
    freeze.freeze,
    freeze.unfreeze,
    calendar.calendar,
    cd.list_,
    cd.pause,
    cd.resume,
    metrics.metrics,
    mr.list_,
    mr.show,
    mr.approve,
    mr.merge,
    mr.remind,
    issue.create,
    issue.list_,
    issue.assign,
    issue.close,
    connect.connect,
    connect.disconnect,
    connect.connections,
    login.login,
    audit.audit,
    evidence.evidence,
    erase.erase,
    erase.confirm,
    policy.show,
    policy.confirm,
    shipmate.help_,
    shipmate.health,
    access.show,
    access.ask,
    access.list_,
    access.grant,
    access.reject,
    access.revoke,
    build.run,
    build.show,
    build.watch,
    build.abort,
    build.retry,
    build.logs,
    tests.tests,
    answer.answer,
    deploy.retry,
    deploy.keep,
    lock.take_over,
    lock.ask_holder,
    freeze.go_through,
    release.retry,
    signoff.reject,
)


@cache
def registry() -> Registry:
    """Return these commands and those that installed packages offer.

    Raises:
        ValueError, TypeError, ImportError: a declaration, or a package's entry point, is wrong; says which.
    """
    return Registry((*COMMANDS, *installed()))


def permissions() -> frozenset[str]:
    """Return every permission that may be granted: of the commands, of `--force`, and of giving access."""
    return frozenset(command.permission for command in registry().values()) | {FORCE, GRANT}
