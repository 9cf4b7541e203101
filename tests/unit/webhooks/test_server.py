import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from cosell.errors import ConfigurationError
from cosell.webhooks import server
from cosell.webhooks.server import explain, serve
from tests.unit.webhooks.authority import notification
from tests.unit.webhooks.conftest import SECRET, Receiver
from tests.unit.webhooks.test_dataverse import context

# A receiver whose inbox says when it begins to store and waits for a line on standard input before it has stored.
PROGRAM = """
import asyncio, sys
from cosell.domain.clock import utc_clock
from cosell.settings import ReceiverSettings
from cosell.store import Added
from cosell.webhooks.app import create_receiver
from cosell.webhooks.server import serve
class Inbox:
    async def add(self, hints):
        print("storing", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        return Added(accepted=len(list(hints)), duplicate=0)

    async def count_waiting(self):
        return 0

async def main():
    settings = ReceiverSettings(dataverse_secret="wake-up-secret")
    app = create_receiver(settings, Inbox(), wake=lambda: None, clock=utc_clock)
    await serve(app, host="127.0.0.1", port=0, on_ready=lambda port: print(port, flush=True))
    print("closed", flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def served(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(receiver.app, host="127.0.0.1", port=0, stop=stop, on_ready=ready.set_result))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await ready}", trust_env=False) as client:
            yield client
    finally:
        stop.set()
        await task


async def test_receiver_serves_on_a_free_port_until_it_is_stopped(receiver: Receiver) -> None:
    body = notification()
    async with served(receiver) as client:
        answer = await client.post(
            "/webhooks/partner-center", content=body, headers=receiver.world.signer.headers(body)
        )
        assert answer.status_code == 202
        assert "server" not in answer.headers
    assert len(receiver.inbox.waiting) == 1


async def test_sender_of_a_large_body_gets_to_read_the_refusal(receiver: Receiver) -> None:
    async with served(receiver) as client:
        for size in (20_000, 500_000, 10_000_000):
            headers = receiver.world.signer.headers(b"")
            answer = await client.post("/webhooks/partner-center", content=b"x" * size, headers=headers)
            assert answer.status_code == 413


async def test_connection_that_never_finishes_its_headers_is_closed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST_SECONDS", 0.01)
    async with served(receiver) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(b"POST /webhooks/dataverse HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert await reader.read() == b""
        writer.close()


async def test_access_log_has_no_query_and_no_unknown_path(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with served(receiver) as client:
        await client.post("/webhooks/dataverse", params={"code": SECRET}, content=context())
        await client.get("/ada@example.com", params={"code": SECRET})
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert "POST /webhooks/dataverse 202" in lines
    assert "GET (another path) 404" in lines
    assert not any(SECRET in line or "ada" in line for line in lines)


async def test_port_in_use_is_named_with_its_setting(receiver: Receiver) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"{port}.*COSELL_RECEIVER__PORT"):
            await serve(receiver.app, host="127.0.0.1", port=port)


@pytest.mark.parametrize(
    ("number", "setting"),
    [(errno.EACCES, "COSELL_RECEIVER__PORT"), (errno.EADDRNOTAVAIL, "COSELL_RECEIVER__HOST")],
)
def test_address_that_cannot_be_had_is_named_with_its_setting(number: int, setting: str) -> None:
    assert setting in explain(OSError(number, ""), host="192.0.2.1", port=80)


async def test_announced_body_that_is_too_large_is_refused_before_it_is_sent(receiver: Receiver) -> None:
    async with served(receiver) as client:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        head = f"POST /webhooks/dataverse?code={SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()


async def test_cancelled_server_lets_go_of_its_port(receiver: Receiver) -> None:
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(receiver.app, host="127.0.0.1", port=0, stop=asyncio.Event(), on_ready=ready.set_result)
    )
    port = await ready
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_the_request_in_hand_be_answered_and_the_program_close(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        port = int(await process.stdout.readline())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            post = asyncio.create_task(client.post("/webhooks/dataverse", params={"code": SECRET}, content=context()))
            assert await process.stdout.readline() == b"storing\n"
            process.send_signal(number)
            process.stdin.write(b"\n")
            assert (await post).status_code == 202
        assert await process.stdout.readline() == b"closed\n"
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
