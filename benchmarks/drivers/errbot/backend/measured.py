"""A backend that says commands to Errbot in its own process, and measures from the message to the sent answer."""

import threading
import time

import taking
from errbot.backends.base import Message, Person
from errbot.core import ErrBot


class One(Person):
    """Somebody known by a name."""

    def __init__(self, name):
        self._name = name

    person = nick = aclattr = fullname = property(lambda self: self._name)
    client = email = property(lambda self: "")

    def __str__(self):
        return self._name

    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash(self._name)


class Measured(ErrBot):
    """Errbot with the least that a backend has."""

    rooms, mode = (), "measured"

    def __init__(self, config):
        super().__init__(config)
        self.bot_identifier = One("bot")
        self._sent, self._awaited = 0, 0
        self._all_sent = threading.Event()
        self._counting = threading.Lock()

    def build_identifier(self, text):
        return One(text)

    def build_reply(self, msg, text=None, private=False, threaded=False):
        reply = self.build_message(text)
        reply.frm, reply.to = self.bot_identifier, msg.frm
        return reply

    def change_presence(self, status="", message=""):
        pass

    def prefix_groupchat_reply(self, message, identifier):
        pass

    def query_room(self, room):
        return None

    def send_message(self, msg):
        super().send_message(msg)
        with self._counting:
            self._sent += 1
            if self._sent == self._awaited:
                self._all_sent.set()

    def _say(self, number):
        said = Message(f"!echo hello {number}")
        said.frm, said.to = One("admin"), self.bot_identifier
        self.callback_message(said)

    def _take(self, count):
        """Say so many commands and wait until all are answered."""
        self._sent, self._awaited = 0, count
        self._all_sent.clear()
        for number in range(count):
            self._say(number)
        assert self._all_sent.wait(60), f"{self._sent} of {count} answered"

    def serve_forever(self):
        self.connect_callback()
        self._take(1)
        taking.said_first()
        self._take(taking.COUNT // 10)
        taken = []
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(taking.COUNT):
            began = time.perf_counter()
            self._take(1)
            taken.append(time.perf_counter() - began)
        alone = taking.figures(taking.COUNT, time.perf_counter() - wall, time.process_time() - cpu, taken)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(taking.COUNT // taking.TOGETHER):
            self._take(taking.TOGETHER)
        together = taking.figures(taking.COUNT, time.perf_counter() - wall, time.process_time() - cpu)
        taking.told(alone, together, len(self.all_commands))
