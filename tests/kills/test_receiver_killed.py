"""The receiver dies, or its disk is full, in the middle of a burst: what it answered with 202 is stored, the rest comes
again.
"""

import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cosell.cli.processes import answers, find_free_port
from cosell.partner_center import open_webhooks
from cosell.settings import Settings
from cosell.store import HintKind
from cosell.wiring import open_settings_ledger
from tests.emulator_process import ROOT, Emulators, running_emulators
from tests.flows.prefect_ui import wait_until
from tests.flows.world import clean_environment
from tests.postgres import cut_connections, running_postgres
from tests.unit.http.fakes import FakeVault

EVENTS = ("referral-created", "referral-updated", "related-referral-created", "related-referral-updated")
BURST = 16
ROOM_BYTES = 96 * 1024
WAIT_SECONDS = 60.0
pytestmark = pytest.mark.timeout(600)


class Door:
    """A receiver as a process, which can be started again on the same port."""

    def __init__(self, emulators: Emulators, home: Path, ledger_url: str) -> None:
        self.emulators = emulators
        self.home = home
        self.ledger_url = ledger_url
        self.port = find_free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """The product's own settings."""
        return self.emulators.settings(HOME=str(self.home), DATABASE_URL=self.ledger_url)

    def start(self, before: Callable[[], None] | None = None) -> None:
        """Start it and wait until it listens."""
        environment = clean_environment() | {
            **self.emulators.environment,
            "COSELL_HOME": str(self.home),
            "COSELL_DATABASE_URL": self.ledger_url,
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cosell.cli", "receive", "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=before,  # noqa: PLW1509  a limit of the operating system, and nothing else
        )
        wait_until("it listens", lambda: answers(f"http://127.0.0.1:{self.port}/healthz"), seconds=WAIT_SECONDS)

    @property
    def is_open(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as the system does."""
        assert self.process is not None
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL, "it had ended by itself"
        self.process = None

    def invite(self, count: int) -> set[str]:
        """Let Microsoft's seller invite us to many deals at once; return the ids of our referrals."""
        made = (self.emulators.control("POST", "microsoft/referrals", {"name": f"Deal {n}"}) for n in range(count))
        return {str(told["id"]) for told in made if isinstance(told, dict)}

    def count_delivered(self) -> int:
        """Return how many notifications have come through."""
        told: Any = self.emulators.control("GET", "deliveries?recent=0")
        return int(told["counts"].get("delivered", 0))

    def answers(self, of: set[str]) -> dict[str, set[str]]:
        """Return how the notifications of these referrals were answered, each try of each."""
        told: Any = self.emulators.control("GET", "deliveries?recent=5000")
        found: dict[str, set[str]] = {}
        for delivery in told["newest"]:
            record_id = str(delivery["body"]["ResourceUri"]).rpartition("/")[2].lower()
            if record_id in of:
                found.setdefault(record_id, set()).update(each["responseCode"] for each in delivery["results"])
        return found

    def accepted(self, of: set[str]) -> set[str]:
        """Return those of the referrals whose notification was answered with 202."""
        return {record_id for record_id, codes in self.answers(of).items() if "Accepted" in codes}

    def come_again(self) -> None:
        """Let the time pass after which Partner Center tries again, unless it is at it right now."""
        told: Any = self.emulators.control("GET", "deliveries")
        if not told["counts"].get("sending"):
            self.emulators.control("POST", "clock", {"advance_seconds": 120})

    async def stored(self) -> set[str]:
        """Return the referrals for which a hint is in the ledger."""
        async with open_settings_ledger(self.settings) as ledger:
            kinds = [HintKind.REFERRAL, HintKind.RELATED_REFERRAL]
            entries = await ledger.inbox.claim(kinds, limit=1000, holder="test", seconds=60)
            await ledger.inbox.release(entries, delay_seconds=0)
            return {entry.record_id for entry in entries}


@pytest.fixture
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with running_postgres() as url:
        yield url


@pytest.fixture
async def door(tmp_path: Path, ledger_url: str) -> AsyncIterator[Door]:
    with running_emulators() as emulators:
        made = Door(emulators, tmp_path, ledger_url)
        async with open_settings_ledger(made.settings):
            pass  # its tables are made
        async with open_webhooks(made.settings, FakeVault()) as webhooks:
            url = f"http://127.0.0.1:{made.port}/webhooks/partner-center"
            await webhooks.create_registration(url=url, events=EVENTS)
        yield made
        if made.process is not None:
            made.kill()


@pytest.mark.parametrize("ledger_url", ["sqlite", "postgresql"], indirect=True)
async def test_receiver_killed_in_a_burst_has_stored_what_it_accepted_and_the_rest_comes_again(
    door: Door, records: int
) -> None:
    patience = WAIT_SECONDS + records
    door.start()
    enough = door.count_delivered() + records // 8
    with ThreadPoolExecutor(1) as pool:
        inviting = pool.submit(door.invite, records // 2)
        while door.count_delivered() < enough:
            assert door.is_open, "it has ended by itself"
        door.kill()
        invited = inviting.result() | door.invite(records // 2)
    accepted = door.accepted(invited)
    assert set() < accepted < invited, "some are accepted, the others have to come again"
    assert accepted <= await door.stored()

    door.start()
    if door.ledger_url.startswith("postgres"):
        cut_connections(door.ledger_url)
    wait_until("all are accepted", lambda: _all_accepted(door, invited), seconds=patience)

    assert await door.stored() >= invited


async def test_receiver_without_room_on_its_disk_answers_503_and_loses_nothing(door: Door) -> None:
    door.start(_leave_no_room)
    invited = door.invite(BURST)
    wait_until("one is refused", lambda: "ServiceUnavailable" in _codes(door, invited), seconds=WAIT_SECONDS)
    door.kill()
    assert door.accepted(invited) <= await door.stored()

    door.start()
    wait_until("all are accepted", lambda: _all_accepted(door, invited), seconds=WAIT_SECONDS)

    assert await door.stored() >= invited


def _leave_no_room() -> None:
    """Let no file of this process grow beyond what a few notifications take."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))


def _codes(door: Door, invited: set[str]) -> set[str]:
    return {code for codes in door.answers(invited).values() for code in codes}


def _all_accepted(door: Door, invited: set[str]) -> bool:
    if door.accepted(invited) == invited:
        return True
    door.come_again()
    return False
