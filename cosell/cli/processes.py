"""Starts the processes which `cosell up` and `cosell demo` are made of, and stops them again by their own ids."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import httpx

from cosell.errors import ConfigurationError, ServiceUnreachable

STOP_SECONDS = 6.0
POLL_SECONDS = 0.2
STARTS_AT_MOST = 5
STARTS_WITHIN_SECONDS = 120.0
"""A program which ends so often so soon has something wrong with it that another start does not mend."""


@dataclass(slots=True)
class Program:
    """Something that was started, and when: the last time is that of the process which runs."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    started_at: list[float]


@dataclass(slots=True)
class Processes:
    """The processes that were started, in order; leaving the block stops them, the last one first.

    The block is left on SIGTERM, too, whatever it is doing. `stop_seconds` is how long each process may take to end.
    """

    logs: Path
    stop_seconds: float = STOP_SECONDS
    running: list[Program] = field(default_factory=list)
    pause: threading.Event = field(default_factory=threading.Event)
    heard_by: dict[signal.Signals, Any] = field(default_factory=dict)
    """What the signals did before, and do again after the block."""

    def __enter__(self) -> Self:
        """Make the directory of the logs, and let SIGTERM leave the block as Ctrl-C does."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.heard_by = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        signal.signal(signal.SIGTERM, _leave)
        # What a script starts in the background ignores Ctrl-C. Programs inherit that, and Prefect's worker then hears
        # of no end: it tells itself by that very signal. A signal that is handled is not inherited.
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            signal.signal(signal.SIGINT, _overhear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything that was started; a second signal would leave half of it behind, so it is not heard."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _overhear)
        for program in reversed(self.running):
            stop(program.process, seconds=self.stop_seconds)
        for number, handler in self.heard_by.items():
            signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a program in a process group of its own; what it prints goes into a file of its name."""
        process = self._open(name, command, environment)
        self.running.append(Program(name, list(command), dict(environment), process, [time.monotonic()]))
        return process

    def _open(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with self.log_of(name).open("ab") as log:
            return subprocess.Popen(  # noqa: S603  the commands are our own
                list(command),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log_of(self, name: str) -> Path:
        """Return the file into which a process writes."""
        return self.logs / f"{name}.log"

    def check(self) -> None:
        """Raise when one of the processes has ended by itself.

        Raises:
            ServiceUnreachable: the text names it, and the file that says why.
        """
        for program in self.running:
            if program.process.poll() is not None:
                raise self._ended(program)

    def mend(self) -> list[str]:
        """Start again what has ended by itself; return the names.

        Raises:
            ServiceUnreachable: it ends again and again; the text names the file that says why.
        """
        ended = [program for program in self.running if program.process.poll() is not None]
        for program in ended:
            now = time.monotonic()
            program.started_at = [*(at for at in program.started_at if now - at < STARTS_WITHIN_SECONDS), now]
            if len(program.started_at) > STARTS_AT_MOST:
                raise self._ended(program)
            stop(program.process, seconds=0)  # children of the one that ended are still in its group
            program.process = self._open(program.name, program.command, program.environment)
        return [program.name for program in ended]

    def _ended(self, program: Program) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"{program.name} ended by itself (exit code {program.process.returncode}); "
            f"{self.log_of(program.name)} says why."
        )

    def wait_for(self, what: str, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until something is true, as long as all processes run.

        Raises:
            ServiceUnreachable: it did not come true in time, or a process ended.
        """
        until = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > until:
                raise ServiceUnreachable(f"{what} was not ready within {seconds:.0f} seconds; see {self.logs}.")
            self.pause.wait(POLL_SECONDS)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _overhear(_signal: int, _frame: FrameType | None) -> None:
    return


def stop(process: "subprocess.Popen[bytes]", *, seconds: float = STOP_SECONDS) -> None:
    """End a process and whatever it started: politely first, for good after a while."""
    for what in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, what)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue
    # Children of a process which has ended itself are still in its group.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def python(*arguments: str) -> list[str]:
    """Return the command which runs a module in this environment."""
    return [sys.executable, "-m", *arguments]


def find_free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_port_is_free(host: str, port: int, *, setting: str) -> None:
    """Raise when somebody listens there already, or nobody may.

    Raises:
        ConfigurationError: the text names the setting.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason, end = f"cannot be listened on ({error.strerror})", ""
            if error.errno == errno.EADDRINUSE:
                reason, end = "is in use", "end the program that listens there, or "
            raise ConfigurationError(f"Port {port} of {host} {reason}: {end}set {setting} to another one.") from None


def answers(url: str) -> bool:
    """Tell whether a GET is answered with success."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
