"""`shipmate evidence`: an evidence bundle made from the store."""

from pathlib import Path

from bot import logs
from bot.app.auditing import Say, opened
from bot.app.evidence import keys_of
from bot.app.reporting import permissions_of
from bot.app.tools import Tools
from bot.clock import SystemClock
from bot.errors import UserError
from bot.evidence import Bundles
from bot.health import HealthChecks
from bot.logs import Masker
from bot.settings import Settings
from bot.toolbox import Toolbox


async def write_evidence(settings: Settings, say: Say, subject: str, *, out: Path | None, offline: bool) -> int:
    """Write the evidence of a deployment or release to a file, and say where and its SHA-256.

    With `offline` no tool is asked for logs.

    Raises:
        ValueError: the store cannot be opened, there is no such subject, or the file cannot be written.
    """
    clock = SystemClock()
    masker = Masker(logs.secrets_of(settings))
    async with opened(settings, clock) as store:
        toolbox = None if offline else Toolbox()
        permissions = await permissions_of(settings, store, clock)
        bundles = Bundles(
            store=store,
            toolbox=toolbox,
            name_of=permissions.name_of,
            masker=masker,
            keys=lambda: keys_of(settings),
        )
        tools = None if toolbox is None else Tools(settings, toolbox, HealthChecks(clock), clock)
        try:
            if tools is not None:
                logs.configure(clock=clock, form="console", level="warning", masker=masker)
                await tools.connect()
            bundle = await bundles.of(subject)
            path = out or Path(bundle.name)
            path.write_bytes(bundle.content)
        except UserError as error:
            raise ValueError(str(error.text)) from error
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from error
        finally:
            if tools is not None:
                await tools.close()
    say(f"{bundle.digest}  {path}")
    return 0
