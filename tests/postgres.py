"""A throw-away PostgreSQL cluster for tests: on a free loopback port, in a temporary directory, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = "REQUIRE_POSTGRES"
"""Set this environment variable where PostgreSQL must be there: then its absence fails instead of skipping."""
USER = "cosell"
PASSWORD = "not-a-secret"
_INSTALLED = Path("/usr/lib/postgresql")


class PostgresMissing(Exception):
    """PostgreSQL is not installed here, or not completely."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a cluster, yield the address of its empty default database, stop it; skip the test when there is none."""
    directory = Path(tempfile.mkdtemp(prefix="cosell-postgres-"))
    try:
        try:
            programs = find_programs()
            account = _give_to_ordinary_user(directory)
            _make_cluster(programs, directory, account)
            port = _start(programs, directory, account)
        except PostgresMissing as error:
            if os.environ.get(REQUIRED):
                raise
            pytest.skip(f"PostgreSQL is needed: {error}")
        try:
            yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            # pg_ctl finds the server by the process id in the directory of this very cluster.
            _run([programs / "pg_ctl", "stop", "-D", directory / "data", "-m", "immediate", "-w"], directory, account)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def is_installed() -> bool:
    """Tell whether there is a PostgreSQL to start."""
    try:
        find_programs()
    except PostgresMissing:
        return False
    return True


def cut_connections(url: str) -> int:
    """End every connection to a database, as one that is restarted does; return how many there were."""
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = USER"
    )
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--tuples-only", f"--dbname={url}", f"--command={cut}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def find_programs() -> Path:
    """Return the directory of the newest complete installation."""
    versions = sorted(_INSTALLED.glob("*/bin"), key=lambda path: _version_of(path.parent.name), reverse=True)
    on_path = [Path(found).resolve().parent for found in (shutil.which("initdb"),) if found]
    for directory in [*versions, *on_path]:
        if all((directory / name).is_file() for name in ("initdb", "postgres", "pg_ctl")):
            return directory
    raise PostgresMissing("neither on PATH nor in /usr/lib/postgresql are initdb, postgres and pg_ctl")


def _version_of(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0.0


def _give_to_ordinary_user(directory: Path) -> pwd.struct_passwd | None:
    """Choose who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(directory, account.pw_uid, account.pw_gid)
        return account
    raise PostgresMissing("root may not run it, and there is no user called postgres or nobody")


def _make_cluster(programs: Path, directory: Path, account: pwd.struct_passwd | None) -> None:
    secret = directory / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    command: list[str | Path] = [programs / "initdb", "-D", directory / "data", "-U", USER, "--pwfile", secret]
    _run([*command, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"], directory, account)


def _start(programs: Path, directory: Path, account: pwd.struct_passwd | None) -> int:
    """Start the server and wait until it answers; somebody else may take the free port first, so try a few."""
    for attempt in range(3):
        port = _find_free_port()
        options = f"-F -h 127.0.0.1 -p {port} -c unix_socket_directories= -c max_connections=60"
        log = directory / "log"
        command: list[str | Path] = [
            programs / "pg_ctl",
            "start",
            "-D",
            directory / "data",
            "-l",
            log,
            "-w",
            "-t",
            "60",
            "-o",
            options,
        ]
        try:
            _run(command, directory, account)
        except PostgresMissing:
            if attempt == 2:
                raise
        else:
            return port
    raise AssertionError


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(command: Sequence[str | Path], directory: Path, account: pwd.struct_passwd | None) -> None:
    # The server inherits what pg_ctl was given: a pipe would stay open for as long as it lives, so a file it is.
    said = directory / "said"
    with said.open("wb") as output:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(directory)},
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            timeout=90,
            check=False,
        )
    if done.returncode:
        raise PostgresMissing(f"{Path(command[0]).name} says: {said.read_text(errors='replace').strip()[-500:]}")
