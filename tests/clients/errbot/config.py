"""Errbot's configuration, as its users write it."""

import logging
import os

BACKEND = "SlackV3"
BOT_IDENTITY = {
    "token": os.environ["SLACK_BOT_TOKEN"],
    "app_token": os.environ["SLACK_APP_TOKEN"],
    "proxies": os.environ["PROXY"],
}
BOT_ADMINS = (os.environ["ADMIN"],)  # a user id: the backend's guide asks for ids
CORE_PLUGINS = ("ACLs", "Help", "Utils", "ChatRoom")  # without the one that asks the network for newer versions
BOT_DATA_DIR = os.environ["DATA"]
BOT_EXTRA_PLUGIN_DIR = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as Errbot's guide has it
BOT_LOG_FILE = None
BOT_LOG_LEVEL = logging.INFO
BOT_ALT_PREFIXES = ("@tidekeeper",)
CHATROOM_PRESENCE = ()
