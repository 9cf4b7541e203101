"""Somebody who wants to be told when a flow fails: a loopback address which keeps what is posted to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/on-call/a-secret-part-of-the-address"


@dataclass(slots=True, kw_only=True)
class Pager:
    """What has arrived, oldest first."""

    url: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def about(self, flow: str, *, state: str) -> list[dict[str, Any]]:
        """Return the messages about a flow in a state."""
        return [message for message in self.messages if (message["flow"], message["state"]) == (flow, state)]


@contextmanager
def running_pager() -> Iterator[Pager]:
    """Listen while the context lasts."""
    pager = Pager(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name which the standard library asks for
            body = self.rfile.read(int(self.headers["Content-Length"]))
            pager.messages.append(json.loads(body))
            self.send_response(204 if self.path == PATH else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    pager.url = f"http://127.0.0.1:{server.server_port}{PATH}"
    try:
        yield pager
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
