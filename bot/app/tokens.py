"""`shipmate token`: make a token for a pipeline or a person, and see when each was last used."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from bot.clock import Clock
from bot.settings import Settings
from bot.store import Store
from bot.terminal.tokens import last_uses, minted
from commands.registry import registry

Say = Callable[[str], None]
SOON = timedelta(days=14)


def new_token(
    name: str, holder: str, clock: Clock, say: Say, *, days: int, scope: Sequence[tuple[str, Sequence[str]]]
) -> None:
    """Print a new secret, once, and the lines that go into the configuration. `holder` is `account: ci` or a person.

    Raises:
        ValueError: it would end at once, or later than ten years.
    """
    if not 1 <= days <= 3660:  # noqa: PLR2004 - ten years
        raise ValueError("a token lasts 1 to 3660 days")
    made = minted()
    ends = (clock.now() + timedelta(days=days)).date().isoformat()
    say(f"The token, shown this once: {made.secret}")
    say("")
    say("terminal:")
    say("  tokens:")
    say(f"    - name: {name}")
    say(f"      {holder}")
    say(f"      secret_hash: {made.sha256}")
    say(f"      expires: {ends}")
    for key, values in scope:
        if values:
            quoted = ", ".join(f'"{one}"' if "*" in one else one for one in values)
            say(f"      {key}: [{quoted}]")


def ending(settings: Settings, clock: Clock) -> Iterator[str]:
    """Yield a line for each token that has ended, or ends within two weeks."""
    now = clock.now()
    for token in settings.terminal.tokens:
        if token.expires is not None and token.expires - now <= SOON:
            verb = "ended" if token.expires <= now else "ends"
            yield f"token {token.name} {verb} {token.expires:%Y-%m-%d}: shipmate token new makes another"


async def list_tokens(settings: Settings, clock: Clock, say: Say) -> None:
    """Say a line for each token of the configuration: whose it is, when it ends, when it was last used."""
    registry()  # declares every table
    store = await Store.open(settings.database_url, clock=clock)
    try:
        used = await last_uses(store)
    finally:
        await store.close()
    now = clock.now()
    for token in settings.terminal.tokens:
        whose = token.person or f"account:{token.account}"
        if token.expires is None:
            ends = "never ends"
        else:
            ends = f"{'ended' if token.expires <= now else 'ends'} {token.expires:%Y-%m-%d}"
        last = f"last used {used[token.name]:%Y-%m-%d %H:%M} UTC" if token.name in used else "never used"
        say(f"{token.name}: for {whose}, {ends}, {last}{', narrowed' if token.narrowed else ''}")
