"""The whole product as its operator meets it: emulators, and `cosell up` with all that it starts, as real processes."""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cosell.cli.demo.people import SELLER, People, Urls
from cosell.cli.processes import answers, find_free_port
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.settings import Settings
from tests.emulator_process import ROOT, Emulators, running_emulators
from tests.flows.pager import Pager, running_pager
from tests.flows.prefect_ui import PrefectUi, Run, operating, wait_until

ADMIN = "referrals.admin@contoso-partner.example"
DISPATCHER, WORKER, SERVER = "cosell.cli dispatch", "prefect worker start", "cosell.cli.prefect_server"
"""Commands of what `cosell up` keeps running."""
START_SECONDS = 300
STOP_SECONDS = 60
COMMAND_SECONDS = 420


@dataclass(slots=True, kw_only=True)
class World:
    """A running product, the people around it, and the view of its operator."""

    emulators: Emulators
    home: Path
    environment: dict[str, str]
    up: "subprocess.Popen[bytes]"
    ui: PrefectUi
    people: People
    pager: Pager
    ledger_url: str = ""
    """Where the ledger is; by default a file at home."""
    early_deal: str = ""
    """An opportunity which its seller has shared as soon as all flows were active; the schedule has to find it."""
    broken: str = ""
    """Why the flows could not be activated; another try would only take long."""

    def cosell(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in another terminal."""
        return subprocess.run(
            [sys.executable, "-m", "cosell.cli", *arguments],
            cwd=self.home,
            env={**self.environment, "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def start_cosell(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command in another terminal and leave it to the caller to end it."""
        return subprocess.Popen(
            [sys.executable, "-m", "cosell.cli", *arguments],
            cwd=self.home,
            env={**self.environment, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def settings(self) -> Settings:
        """The product's own settings, to look into its ledger."""
        changes = {"DATABASE_URL": self.ledger_url} if self.ledger_url else {}
        return self.emulators.settings(HOME=str(self.home), **changes)

    def active(self) -> list[FlowName]:
        """Return the flows whose schedules may run, as the UI shows it."""
        return [flow for flow in ACTIVATION_ORDER if not self.ui.deployment(operating(flow))["paused"]]

    def ensure_active(self) -> None:
        """Activate all flows unless they are active."""
        assert not self.broken, self.broken
        if len(self.active()) < len(ACTIVATION_ORDER):
            done = self.cosell("activate")
            self.broken = done.stdout + done.stderr if done.returncode else ""
            assert not self.broken, self.broken

    def ensure_inactive(self) -> None:
        """Deactivate all flows unless none is active."""
        if self.active():
            done = self.cosell("deactivate", ACTIVATION_ORDER[0])
            assert done.returncode == 0, done.stdout + done.stderr

    def sign_people_in(self) -> None:
        """Give everybody a token which is good now."""
        self.people.crm_token = bearer_of(self.emulators, SELLER)
        self.people.portal_token = bearer_of(self.emulators, ADMIN)

    @contextmanager
    def resting(self, *flows: FlowName) -> Iterator[None]:
        """Pause the schedules of flows, and wait until none of their runs is on its way."""
        for flow in flows:
            self.ui.set_paused(operating(flow), is_paused=True)
        try:
            for flow in flows:
                wait_until(f"no run of {flow} is under way", lambda flow=flow: not self._runs_under_way(flow))  # type: ignore[misc]
            yield
        finally:
            for flow in flows:
                self.ui.set_paused(operating(flow), is_paused=False)

    def _runs_under_way(self, flow: FlowName) -> list[Run]:
        """Return the runs of a flow which are on their way; one that was killed may say so for ever, and is not."""
        told = self.ui.runs_of(operating(flow), states=("PENDING", "RUNNING"))
        alive = {process_id for process_id, _ in processes_of(self.home)}
        return [run for run in told if run.process_id is None or run.process_id in alive]

    def stop(self) -> tuple[int, float]:
        """End `cosell up` by SIGTERM; return its exit code and the seconds that took."""
        began = time.monotonic()
        self.up.send_signal(signal.SIGTERM)
        return self.up.wait(STOP_SECONDS), time.monotonic() - began

    def find_process(self, command: str) -> int:
        """Return the id of the process with this command; 0 when there is none."""
        found = [process_id for process_id, line in processes_of(self.home) if command in line]
        return min(found, default=0)

    def processes(self) -> list[str]:
        """Return the command lines of the running processes which work on this home."""
        return [command for _, command in processes_of(self.home)]


def bearer_of(emulators: Emulators, user: str) -> str:
    """Return a token with which somebody is let in everywhere."""
    told = emulators.control("POST", "tokens", {"user": user})
    assert isinstance(told, dict)
    return str(told["access_token"])


@contextmanager
def running_world(ledger_url: str = "") -> Iterator[World]:
    """Run everything while the context lasts; whatever happens, nothing of it stays."""
    with (
        running_emulators() as emulators,
        running_pager() as pager,
        tempfile.TemporaryDirectory(prefix="cosell-test-world-") as directory,
    ):
        home = Path(directory)
        # A directory which holds no `.env` of the person who runs the tests.
        shutil.copy(ROOT / "prefect.yaml", home)
        port, prefect_port = find_free_port(), find_free_port()
        environment = clean_environment() | {
            **emulators.environment,
            # Home is where the commands run; what they run is this checkout, wherever the package was installed from.
            "PYTHONPATH": str(ROOT),
            "COSELL_HOME": str(home),
            "COSELL_RECEIVER__PORT": str(port),
            "COSELL_RECEIVER__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "COSELL_RECEIVER__DATAVERSE_SECRET": "only-the-tests-crm-knows-this",
            "COSELL_NOTIFY__URL": pager.url,
            **({"COSELL_DATABASE_URL": ledger_url} if ledger_url else {}),
        }
        log = home / "up.log"
        with log.open("wb") as out:
            up = subprocess.Popen(
                [sys.executable, "-m", "cosell.cli", "up", "--prefect-port", str(prefect_port)],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        ui = PrefectUi(f"http://127.0.0.1:{prefect_port}/api")
        context = ssl.create_default_context(cafile=emulators.environment["COSELL_CA_BUNDLE"])
        try:
            _wait_until_ready(up, log, f"http://127.0.0.1:{port}/readyz")
            with httpx.Client(base_url=emulators.urls["https"], verify=context, timeout=30, trust_env=False) as client:
                urls = Urls(
                    http=emulators.urls["http"],
                    https=emulators.urls["https"],
                    ca=emulators.environment["COSELL_CA_BUNDLE"],
                )
                people = People(urls=urls, client=client, crm_token="", portal_token="")
                world = World(
                    emulators=emulators,
                    home=home,
                    environment=environment,
                    up=up,
                    ui=ui,
                    people=people,
                    pager=pager,
                    ledger_url=ledger_url,
                )
                world.sign_people_in()
                yield world
        finally:
            ui.close()
            _end(up, home)


def clean_environment() -> dict[str, str]:
    """Return the environment without what would point the product, or Prefect, somewhere else."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COSELL_", "PREFECT_"))}


def _wait_until_ready(up: "subprocess.Popen[bytes]", log: Path, url: str) -> None:
    def is_ready() -> bool:
        assert up.poll() is None, f"cosell up ended with {up.returncode}:\n{log.read_text()[-3000:]}"
        return answers(url)

    wait_until("cosell up is ready", is_ready, seconds=START_SECONDS)


def _end(up: "subprocess.Popen[bytes]", home: Path) -> None:
    """End `cosell up`, and by their ids what it left behind."""
    up.terminate()
    try:
        up.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        up.kill()
        up.wait()
    for process_id, _ in processes_of(home):
        os.kill(process_id, signal.SIGKILL)


def processes_of(home: Path) -> list[tuple[int, str]]:
    """Return id and command line of every process with this COSELL_HOME; none where there is no /proc to ask."""
    found = []
    mark = f"COSELL_HOME={home}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append((int(entry.name), command))
        except OSError:
            continue
    return [(process_id, command) for process_id, command in found if process_id != os.getpid() and command]
