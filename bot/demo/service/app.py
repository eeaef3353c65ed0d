"""The demo's sample service: a small shop counter that answers over HTTP and counts what it answered."""

import json
import os
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
VERSION = (HERE / "VERSION").read_text().strip()
BEHAVIOUR = json.loads((HERE / "behaviour.json").read_text())
STARTED = time.time()
LOCK = threading.Lock()
COUNTS = {"200": 0, "500": 0}
SECONDS = {"sum": 0.0, "count": 0}


class Counter(BaseHTTPRequestHandler):
    """Answers /, /healthz, /version and /metrics."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        routes = {"/healthz": self.health, "/version": self.version, "/metrics": self.metrics}
        routes.get(self.path, self.checkout)()

    def checkout(self) -> None:
        """Sell something, or fail as this version does."""
        started = time.perf_counter()
        time.sleep(BEHAVIOUR["milliseconds"] / 1000 * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
        tired = SECONDS["count"] >= BEHAVIOUR.get("tires_after", 0)
        failed = tired and random.random() < BEHAVIOUR["failing"]  # noqa: S311 - not a secret
        code = 500 if failed else 200
        with LOCK:
            COUNTS[str(code)] += 1
            SECONDS["sum"] += time.perf_counter() - started
            SECONDS["count"] += 1
        thanks = f"{BEHAVIOUR['greeting']} This is checkout {VERSION}.\n"
        self.answer(code, "card authorisation failed\n" if failed else thanks)

    def health(self) -> None:
        """Say that the process is up; a version may be up and still fail its customers."""
        self.answer(200, json.dumps({"status": "ok", "version": VERSION}), "application/json")

    def version(self) -> None:
        """Say which version this is, and the commit: a branch is deployed as a commit that has no version yet."""
        told = {"version": VERSION, "commit": os.environ.get("SHIPMATE_SHA", ""), "started": STARTED}
        self.answer(200, json.dumps(told), "application/json")

    def metrics(self) -> None:
        """Say what was counted, in Prometheus' text format."""
        with LOCK:
            lines = [f'http_requests_total{{code="{code}",version="{VERSION}"}} {n}' for code, n in COUNTS.items()]
            lines += [
                f'http_request_duration_seconds_sum{{version="{VERSION}"}} {SECONDS["sum"]:.6f}',
                f'http_request_duration_seconds_count{{version="{VERSION}"}} {SECONDS["count"]}',
            ]
        self.answer(200, "\n".join(["# TYPE http_requests_total counter", *lines]) + "\n", "text/plain; version=0.0.4")

    def answer(self, code: int, text: str, kind: str = "text/plain") -> None:
        """Send one answer."""
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet: the metrics tell."""


if __name__ == "__main__":
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])
    sys.stdout.write(f"checkout {VERSION} listens on {port}\n")
    sys.stdout.flush()
    ThreadingHTTPServer(("127.0.0.1", port), Counter).serve_forever()
