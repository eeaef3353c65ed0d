"""The parts of a sandbox, put together once and handed to everything that acts on them."""

from bot.sandbox.absence import Absence
from bot.sandbox.apps import Apps
from bot.sandbox.changes import Changes
from bot.sandbox.clock import Clock
from bot.sandbox.codes import Codes
from bot.sandbox.delivery import Deliveries
from bot.sandbox.faults import Faults
from bot.sandbox.http_delivery import HttpDelivery
from bot.sandbox.limits import Limits
from bot.sandbox.options import Options
from bot.sandbox.seed import Seed
from bot.sandbox.socket_mode import Sockets
from bot.sandbox.tickets import Tickets
from bot.sandbox.views import Views
from bot.sandbox.wire import WireLog
from bot.sandbox.workspace import Workspace


class Platform:
    """Holds every part; `base_url` is set when the server listens."""

    def __init__(self, seed: Seed, options: Options, clock: Clock) -> None:
        """Build all parts; no I/O."""
        self.options = options
        self.clock = clock
        self.base_url = ""
        self.changes = Changes()
        self.workspace = Workspace(seed, clock, self.changes, history_limit=options.history_limit)
        self.apps = Apps(self.workspace)
        self.codes = Codes()
        self.tickets = Tickets(clock, options)
        self.views = Views(clock, self.changes)
        self.log = WireLog(clock, self.changes, options.deliveries_limit)
        self.faults = Faults()
        self.absence = Absence(clock)
        self.sockets = Sockets(self.changes, self.log, options)
        self.http = HttpDelivery(clock)
        self.deliveries = Deliveries(
            self.apps,
            {"socket": self.sockets, "http": self.http},
            options=options,
            log=self.log,
            faults=self.faults,
            absence=self.absence,
        )
        self.limits = Limits(clock, options.limits, options.events_per_hour)
