"""Runs the services of compose.yaml as plain processes on this machine, in its order, each with its own checks.

What differs from Docker is where things are: names of services become addresses of this machine, directories of the
image become temporary ones. Everything else (commands, variables, replicas, conditions) is what the files say.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cosell.cli.processes import answers, find_free_port, stop
from tests.emulator_process import ROOT
from tests.flows.prefect_ui import wait_until
from tests.flows.world import clean_environment
from tests.postgres import PASSWORD, running_postgres
from tests.redis import running_redis
from tests.scale.compose import COMPLETED, Compose, Service, read_image_environment

READY_SECONDS = 180
ONE_SHOT_SECONDS = 720
"""Nine processes one after the other take long when others need the machine, too."""
STOP_SECONDS = 15
DATA, SHARED = "/data", "/data/results"
"""Where the image keeps its data, and the part of it which containers share."""
PROGRAMS = {"prefect": ("-m", "prefect"), "cosell": ("-m", "cosell.cli"), "python": ()}
OWN_PORT = re.compile(r"\b(4200|8080|8480)\b")


@dataclass(slots=True, kw_only=True)
class Replica:
    """One running process of a service."""

    service: Service
    number: int
    process: "subprocess.Popen[bytes]"
    log: Path
    ports: Mapping[str, int]
    """Port in the container to port on this machine."""
    health_check: Sequence[str] = ()

    def is_healthy(self) -> bool:
        """Ask what the health check of compose.yaml asks; a process that has ended fails the test."""
        assert self.process.poll() is None, self.say(f"ended with {self.process.returncode}")
        return answers(self.health_check[-1]) if self.health_check else True

    def say(self, what: str) -> str:
        """Return what happened, with the end of the log."""
        return f"{self.service.name} {self.number} {what}:\n{self.log.read_text(errors='replace')[-3000:]}"


@dataclass(slots=True, kw_only=True)
class Stand:
    """All that compose.yaml describes, running."""

    compose: Compose
    directory: Path
    postgres: str
    """Host and port, as of Redis."""
    redis: str
    env_file: dict[str, str]
    running: list[Replica] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each service took until what depends on it could start."""

    @property
    def app(self) -> Path:
        """Return what is /app in the image."""
        return self.directory / "app"

    def replicas(self, service: str) -> list[Replica]:
        """Return the running processes of a service."""
        return [item for item in self.running if item.service.name == service]

    def start_all(self) -> None:
        """Start everything as `docker compose up` does."""
        for service in self.compose.in_order():
            for name, condition in service.depends_on.items():
                self._wait_for(name, condition)
            if service.name in {"postgres", "redis"}:
                continue
            for number in range(1, service.replicas + 1):
                self.running.append(self._start(service, number))
        for service in self.compose.services.values():
            self._wait_for(service.name, "service_started")

    def stop_all(self) -> None:
        """Stop everything, the last one first."""
        for replica in reversed(self.running):
            stop(replica.process, seconds=STOP_SECONDS)

    def run(self, service: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run another command in the place of a service, as `docker compose run` does."""
        return subprocess.run(
            self.program(command),
            cwd=self.app,
            env=self.environment_of(self.compose.services[service], 1, {}) | {"COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ONE_SHOT_SECONDS,
            check=False,
        )

    def environment_of(self, service: Service, number: int, ports: Mapping[str, int]) -> dict[str, str]:
        """Return the variables of a process: the image's, those of .env where the service reads it, its own."""
        variables = {
            **read_image_environment(),
            **(self.env_file if service.has_env_file else {}),
            **service.environment,
        }
        here = {name: self._place(value, service, number, ports) for name, value in variables.items()}
        return clean_environment() | here

    def program(self, command: Sequence[str]) -> list[str]:
        """Return a command of the image as this environment runs it; nobody listens beyond this machine."""
        program, *arguments = (part.replace("0.0.0.0", "127.0.0.1") for part in command)  # noqa: S104
        return [sys.executable, *PROGRAMS[program], *arguments]

    def _start(self, service: Service, number: int) -> Replica:
        ports = {port: find_free_port() for port in sorted(set(OWN_PORT.findall(str(service))))}
        if service.name == "receiver":
            ports["8480"] = int(self.env_file["COSELL_RECEIVER__PORT"])
        (self.directory / f"{service.name}-{number}").mkdir()
        log = self.directory / f"{service.name}-{number}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.program([_use_ports(part, ports) for part in service.command]),
                cwd=self.app,
                env=self.environment_of(service, number, ports),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        check = [_use_ports(part, ports) for part in service.health_check]
        return Replica(service=service, number=number, process=process, log=log, ports=ports, health_check=check)

    def _wait_for(self, name: str, condition: str) -> None:
        if name in self.seconds:
            return
        began = time.monotonic()
        for replica in self.replicas(name):
            if condition == COMPLETED:
                code = replica.process.wait(ONE_SHOT_SECONDS)
                assert code == 0, replica.say(f"ended with {code}")
            elif not replica.service.is_one_shot:
                wait_until(replica.say("is healthy"), replica.is_healthy, seconds=READY_SECONDS)
        self.seconds[name] = time.monotonic() - began

    def _place(self, value: str, service: Service, number: int, ports: Mapping[str, int]) -> str:
        """Bring a value from the containers' world to this machine."""
        if value in ports:
            return str(ports[value])
        if value == SHARED:
            return str(self.directory / "results")
        if value == DATA or value.startswith(f"{DATA}/"):
            return f"{self.directory / f'{service.name}-{number}'}{value.removeprefix(DATA)}"
        value = value.replace("postgres:5432", self.postgres).replace("redis:6379", self.redis)
        servers = self.replicas("prefect-api")
        if servers:
            # The network of Docker hands out the replicas' addresses in turn.
            port = servers[number % len(servers)].ports["4200"]
            value = value.replace("prefect-api:4200", f"127.0.0.1:{port}")
        return value


def _use_ports(text: str, ports: Mapping[str, int]) -> str:
    return OWN_PORT.sub(lambda found: str(ports.get(found[0], found[0])), text)


@contextmanager
def running_stand(directory: Path, env_file: dict[str, str], variables: Mapping[str, str]) -> Iterator[Stand]:
    """Run what compose.yaml describes while the context lasts; `variables` are what it is filled in with."""
    compose = Compose({"POSTGRES_PASSWORD": PASSWORD, **variables})
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(*compose.services["redis"].command[1:]))
        postgres = stack.enter_context(running_postgres())
        (directory / "app").mkdir()
        shutil.copy(ROOT / "prefect.yaml", directory / "app")
        shutil.copytree(ROOT / "deploy", directory / "app" / "deploy")
        _make_databases(postgres, compose.services["postgres"])
        address = postgres.rpartition("@")[2].partition("/")[0]
        stand = Stand(compose=compose, directory=directory, postgres=address, redis=redis, env_file=env_file)
        stack.callback(stand.stop_all)
        stand.start_all()
        yield stand


def _make_databases(url: str, service: Service) -> None:
    """Do what the image of PostgreSQL does at its first start."""
    script = "".join(path.read_text() for path in sorted((ROOT / "deploy" / "postgres").glob("*.sql")))
    for statement in (f"CREATE DATABASE {service.environment['POSTGRES_DB']};", script):
        subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={url}"],
            input=statement,
            text=True,
            check=True,
            env={"PATH": os.environ["PATH"]},
        )
