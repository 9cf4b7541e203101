"""Measure the receiver under load: real uvicorn and a real SQLite ledger in a process of their own, signed calls.

Calls are sent at a fixed rate whether or not earlier ones have been answered, and each is timed from the moment when it
was due, so that a receiver which falls behind cannot hide it. Run: `python -m benchmarks.receiver`.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from cryptography.fernet import Fernet

from cosell.domain.clock import utc_clock
from cosell.domain.ids import DEFAULT_TENANT
from cosell.emulators.pki import Pki, create_pki
from cosell.settings import ReceiverSettings
from cosell.store import Cipher, open_ledger
from cosell.webhooks.app import create_receiver
from cosell.webhooks.server import serve

ORIGIN = "https://certificates.example"
REPEATS = 4
"""Every referral is announced so often: Partner Center repeats itself."""


async def run_receiver(folder: Path) -> None:
    """Serve until a signal comes; the port is printed when ready."""

    async def fetch(url: str, /) -> bytes:
        return (folder / url.rpartition("/")[2]).read_bytes()

    settings = ReceiverSettings(certificate_hosts=("certificates.example",), trust_roots=folder / "roots.pem")
    cipher = Cipher(Fernet.generate_key())
    url = f"sqlite:///{folder / 'ledger.db'}"
    async with open_ledger(url, tenant=DEFAULT_TENANT, clock=utc_clock, cipher=cipher) as ledger:
        app = create_receiver(settings, ledger.inbox, wake=lambda: None, clock=utc_clock, fetch=fetch)
        await serve(app, host="127.0.0.1", port=0, on_ready=lambda port: print(port, flush=True))


async def measure(*, rate: float, seconds: float, connections: int) -> dict[str, float]:
    """Return milliseconds and counts for `rate` calls a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pki = create_pki(certificate_origin=ORIGIN)
        (folder / "roots.pem").write_bytes(pki.signing_root.pem)
        for file, content in pki.served.items():
            (folder / file).write_bytes(content)
        requests = [_request(pki, number) for number in range(int(rate * seconds))]
        async with _receiver(folder) as port:
            return await _send_all(requests, port=port, rate=rate, connections=connections)


@asynccontextmanager
async def _receiver(folder: Path) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.receiver", "--serve", str(folder), stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("no output to read the port from")
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def _request(pki: Pki, number: int) -> bytes:
    content = {
        "EventName": "referral-updated",
        "ResourceUri": f"https://api.example/referrals/{UUID(int=number // REPEATS)}",
        "ResourceName": "referral",
        "AuditUri": None,
        "ResourceChangeUtcDate": "2026-11-22T10:00:00.0000000+00:00",
    }
    body = json.dumps(content, separators=(",", ":")).encode()
    head = (
        "POST /webhooks/partner-center HTTP/1.1\r\nHost: receiver.example\r\nContent-Type: application/json\r\n"
        f"Authorization: Signature {pki.sign(body)}\r\nX-MS-Certificate-Url: {pki.certificate_url}\r\n"
        f"X-MS-Signature-Algorithm: rsa-sha256\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send_all(requests: list[bytes], *, port: int, rate: float, connections: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    took: list[float] = []
    refused = 0

    async def work() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            due_at, request = await due.get()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            took.append(loop.time() - due_at)
            refused += not head.startswith(b"HTTP/1.1 202")
            due.task_done()

    workers = [asyncio.create_task(work()) for _ in range(connections)]
    started = loop.time() + 0.2
    for number, request in enumerate(requests):
        due_at = started + number / rate
        await asyncio.sleep(max(due_at - loop.time(), 0))
        due.put_nowait((due_at, request))
    await due.join()
    finished = loop.time()
    for worker in workers:
        worker.cancel()
    points = statistics.quantiles(took, n=100)
    return {
        "calls": len(requests),
        "refused": refused,
        "calls_per_second": round(len(requests) / (finished - started), 1),
        "p50_ms": round(points[49] * 1000, 1),
        "p95_ms": round(points[94] * 1000, 1),
        "p99_ms": round(points[98] * 1000, 1),
        "max_ms": round(max(took) * 1000, 1),
    }


def main() -> None:
    """Read the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="calls per second")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long")
    parser.add_argument("--connections", type=int, default=32, help="how many connections share the load")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(run_receiver(arguments.serve))
        return
    result = asyncio.run(measure(rate=arguments.rate, seconds=arguments.seconds, connections=arguments.connections))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
