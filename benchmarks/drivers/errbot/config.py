"""Errbot's configuration; what differs from run to run comes from the environment."""

import logging
import os
from pathlib import Path

_HERE = Path(__file__).parent
BACKEND = "Measured"
BOT_DATA_DIR = os.environ["BENCHMARK_DATA"]
BOT_EXTRA_BACKEND_DIR = str(_HERE / "backend")
BOT_EXTRA_PLUGIN_DIR = os.environ["BENCHMARK_PLUGINS"]
BOT_LOG_FILE = None
BOT_LOG_LEVEL = logging.ERROR
BOT_ADMINS = ("admin",)
BOT_IDENTITY = {}
BOT_ASYNC = os.environ.get("BENCHMARK_THREADS") != "no"
CHATROOM_PRESENCE = ()
