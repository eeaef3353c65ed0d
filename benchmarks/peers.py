"""CPU and memory of Errbot and Opsdroid from the start of the process to the first answered command.

Each is started by its own launcher with one command and a small connector that says one message to it in its own
process: nothing of Slack is in the way, so they do less than `shipmate serve` does in start.py. Their environments are
made in the folder that is named.
"""

import asyncio
import os
import sys
import venv
from pathlib import Path

from measuring import cpu_seconds, memory_mib

PACKAGES = {"errbot": ["errbot==6.2.1"], "opsdroid": ["opsdroid==0.31.0", "setuptools<81"]}  # it imports pkg_resources

_ERRBOT = {
    "config.py": """
import logging
BACKEND = "Once"
BOT_DATA_DIR = {folder!r} + "/data"
BOT_EXTRA_BACKEND_DIR = {folder!r}
BOT_EXTRA_PLUGIN_DIR = {folder!r} + "/plugins"
BOT_LOG_FILE = None
BOT_LOG_LEVEL = logging.ERROR
BOT_ADMINS = ("admin",)
BOT_IDENTITY = {{}}
CHATROOM_PRESENCE = ()
""",
    "once.plug": "[Core]\nName = Once\nModule = once\n[Documentation]\nDescription = one message\n",
    "once.py": """
import threading
from errbot.backends.base import Message, Person
from errbot.core import ErrBot

class One(Person):
    def __init__(self, name): self.person = self.nick = self.aclattr = self.fullname = name
    client = email = ""
    def __str__(self): return self.person
    def __eq__(self, other): return str(self) == str(other)
    def __hash__(self): return hash(self.person)
for name in ("person", "nick", "aclattr", "fullname"):
    setattr(One, name, None)
One.__abstractmethods__ = frozenset()

class Once(ErrBot):
    def __init__(self, config):
        super().__init__(config)
        self.bot_identifier = One("bot")
        self.answered = threading.Event()
    def build_identifier(self, text): return One(text)
    def build_reply(self, msg, text=None, private=False, threaded=False):
        reply = self.build_message(text)
        reply.frm, reply.to = self.bot_identifier, msg.frm
        return reply
    def change_presence(self, status="", message=""): pass
    def prefix_groupchat_reply(self, message, identifier): pass
    def query_room(self, room): return None
    rooms, mode = (), "once"
    def send_message(self, msg):
        super().send_message(msg)
        self.answered.set()
    def serve_forever(self):
        self.connect_callback()
        said = Message("!echo hello")
        said.frm, said.to = One("admin"), self.bot_identifier
        self.callback_message(said)
        self.answered.wait()
        print("answered", flush=True)
        threading.Event().wait()
""",
    "plugins/echo/echo.plug": "[Core]\nName = Echo\nModule = echo\n[Python]\nVersion = 3\n",
    "plugins/echo/echo.py": """
from errbot import BotPlugin, botcmd
class Echo(BotPlugin):
    @botcmd
    def echo(self, msg, args):
        return args
""",
}
_OPSDROID = {
    "config.yaml": """
logging: {{level: error, console: true, path: false}}
welcome-message: false
web: {{host: 127.0.0.1, port: 0}}
connectors: {{once: {{path: {folder}/once.py}}}}
skills: {{echo: {{path: {folder}/skill.py}}}}
""",
    "once.py": """
import asyncio
from opsdroid.connector import Connector, register_event
from opsdroid.events import Message

class Once(Connector):
    def __init__(self, config, opsdroid=None):
        super().__init__(config, opsdroid=opsdroid)
        self.name = "once"
    async def connect(self): pass
    async def disconnect(self): pass
    @register_event(Message)
    async def respond(self, message): print("answered", flush=True)
    async def listen(self):
        await self.opsdroid.parse(Message(text="echo hello", user="mia", target="c", connector=self))
        await asyncio.Event().wait()
""",
    "skill.py": """
from opsdroid.matchers import match_regex

@match_regex(r"echo (.*)")
async def echo(opsdroid, config, message):
    await message.respond(message.regex.group(1))
""",
}
_FILES = {"errbot": _ERRBOT, "opsdroid": _OPSDROID}
_ARGUMENTS = {"errbot": ["-c", "config.py"], "opsdroid": ["start", "-f", "config.yaml"]}


async def install(folder: Path, name: str) -> None:
    """Make the environment of one peer, where it is not there yet."""
    place = folder / name
    if (place / "bin" / name).exists():
        return
    await asyncio.to_thread(venv.create, place, with_pip=True)
    pip = await asyncio.create_subprocess_exec(
        str(place / "bin" / "python"), "-m", "pip", "install", "-q", *PACKAGES[name], stdout=sys.stderr
    )
    if await pip.wait():
        raise SystemExit(f"{name} cannot be installed into {place}")


async def start(folder: Path, name: str, fresh: Path) -> tuple[float, float]:
    """Return (CPU seconds, MiB) when a peer has answered its first command. `fresh` is an empty folder."""
    for path, content in _FILES[name].items():
        (fresh / path).parent.mkdir(parents=True, exist_ok=True)
        doubled = content if path.endswith((".yaml", "config.py")) else content.replace("{", "{{").replace("}", "}}")
        (fresh / path).write_text(doubled.format(folder=str(fresh)))
    (fresh / "data").mkdir(exist_ok=True)
    environ = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"} | {"HOME": str(fresh)}
    process = await asyncio.create_subprocess_exec(
        str(folder / name / "bin" / name), *_ARGUMENTS[name], cwd=fresh, env=environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            while b"answered" not in (line := await process.stdout.readline()):
                if not line:
                    raise SystemExit(f"{name} ended before it answered")
        return cpu_seconds(process.pid), memory_mib(process.pid)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
