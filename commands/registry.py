"""Every command, in the order in which help lists them."""

from bot.command import Command
from bot.registry import Registry, installed
from commands import metrics, shipmate

COMMANDS: tuple[Command, ...] = (
    metrics.metrics,
    shipmate.help_,
    shipmate.health,
    shipmate.access,
)


def registry() -> Registry:
    """Return these commands and those that installed packages offer.

    Raises:
        ValueError, TypeError, ImportError: a declaration, or a package's entry point, is wrong; says which.
    """
    return Registry((*COMMANDS, *installed()))
