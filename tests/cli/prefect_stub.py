"""As much of a Prefect server as `cosell doctor` asks: whether it is there, and which workers a work pool has."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

NOBODY = "http://127.0.0.1:9/api"
"""The discard port: nothing listens there."""


@contextmanager
def prefect_at(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let commands know this server; Prefect, once imported, does not look at the environment again."""
    monkeypatch.setenv("PREFECT_API_URL", url)
    with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield


@contextmanager
def running_stub(*, statuses: tuple[str, ...]) -> Iterator[str]:
    """Serve a work pool whose workers have these statuses; return the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_health = self.path == "/api/health"
            self._answer(is_health, status=200 if is_health else 404)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/api/work_pools/cosell/workers/filter":
                self._answer({"detail": "not found"}, status=404)
                return
            now = datetime.now(UTC).isoformat()
            self._answer([_worker(number, status, now) for number, status in enumerate(statuses)])

        def log_message(self, *_: object) -> None:
            """Print nothing."""

        def _answer(self, document: object, status: int = 200) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _worker(number: int, status: str, now: str) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "created": now,
        "updated": now,
        "name": f"worker {number}",
        "work_pool_id": str(uuid4()),
        "last_heartbeat_time": now,
        "heartbeat_interval_seconds": 30,
        "status": status,
    }
