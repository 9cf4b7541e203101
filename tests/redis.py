"""A throw-away Redis for tests: on a free loopback port, in a temporary directory, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = "REQUIRE_REDIS"
"""Set this environment variable where Redis must be there: then its absence fails instead of skipping."""
START_SECONDS = 20
STOP_SECONDS = 10
POLL_SECONDS = 0.05


class RedisMissing(Exception):
    """Redis is not installed here, or does not start."""


@contextmanager
def running_redis(*options: str) -> Iterator[str]:
    """Start a server with these options, yield its host and port, stop it; skip the test when there is none."""
    with tempfile.TemporaryDirectory(prefix="cosell-redis-") as directory:
        try:
            process, port = _start(Path(directory), options)
        except RedisMissing as error:
            if os.environ.get(REQUIRED):
                raise
            pytest.skip(f"Redis is needed: {error}")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            _stop(process)


def _start(directory: Path, options: tuple[str, ...]) -> tuple["subprocess.Popen[bytes]", int]:
    """Start the server and wait until it answers; somebody else may take the free port first, so try a few."""
    program = shutil.which("redis-server")
    if program is None:
        raise RedisMissing("redis-server is not on PATH")
    said = directory / "said"
    for _attempt in range(3):
        port = _find_free_port()
        with said.open("wb") as output:
            process = subprocess.Popen(
                [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if _answers_in_time(process, port):
            return process, port
        _stop(process)
    raise RedisMissing(f"redis-server says: {said.read_text(errors='replace').strip()[-500:]}")


def _answers_in_time(process: "subprocess.Popen[bytes]", port: int) -> bool:
    until = time.monotonic() + START_SECONDS
    never = threading.Event()
    while process.poll() is None and time.monotonic() < until:
        if _answers(port):
            return True
        never.wait(POLL_SECONDS)
    return False


def _answers(port: int) -> bool:
    """Tell whether a PING is answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
