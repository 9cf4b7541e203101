"""`kill -9` in the middle of a run over many records, on real processes: the next one ends it, with nobody's help.

Two workers are always at the same records at once. `make test ARGS="tests/kills --records 500"` does it with more.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.prefect_ui import wait_until
from tests.kills.place import Place, running_place
from tests.postgres import cut_connections, running_postgres

KILLS = 2
WRITES_BETWEEN = (3, 25)
"""How far the workers come, at least and at most, before they are killed."""
WAIT_SECONDS = 300.0
SECONDS_A_RECORD = 2.0
"""Partner Center takes five calls a second, whoever makes them."""
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        with running_place(tmp_path, f"sqlite:///{tmp_path / 'ledger.db'}") as running:
            yield running
        return
    with running_postgres() as url, running_place(tmp_path, url) as running:
        yield running


def test_killed_in_the_middle_of_many_records_it_ends_with_nothing_twice_and_nobody_s_help(
    place: Place, records: int
) -> None:
    opportunity_ids, referral_ids = place.write_deals(records // 2), place.invite(records // 2)
    place.emulators.control("DELETE", "requests")
    dice = random.Random(records)  # noqa: S311  the same dice for everybody

    for number in range(1, KILLS + 1):
        workers = place.start(), place.start()
        enough = place.count_writes() + dice.randint(*WRITES_BETWEEN)
        wait_until("they work", lambda enough=enough: place.count_writes() >= enough, seconds=WAIT_SECONDS)  # type: ignore[misc]
        if number == KILLS - 1:
            cut_all_connections(place)
        place.kill(*workers)
        place.let_leases_expire()
    assert not place.are_in_step(opportunity_ids, referral_ids), "they were done before they were killed"

    patience = WAIT_SECONDS + SECONDS_A_RECORD * records
    finish(place, lambda: place.are_in_step(opportunity_ids, referral_ids), seconds=patience)

    place.assert_nothing_is_there_twice(opportunity_ids, referral_ids)
    made = [route for route in place.routes() if route.startswith("POST") and route.endswith("engagements/referrals")]
    assert sum(place.routes()[route] for route in made) == len(opportunity_ids)
    assert_silence(place)


def cut_all_connections(place: Place) -> None:
    """End every connection to the ledger; a file has none."""
    if place.ledger_url.startswith("postgres"):
        assert cut_connections(place.ledger_url) > 0, "nobody was connected"


def finish(place: Place, is_done: Callable[[], bool], *, seconds: float = WAIT_SECONDS) -> None:
    """Start two workers, cut their connections once, and wait until they have done everything."""
    workers = place.start(), place.start()
    before = place.count_writes()
    wait_until("they work", lambda: place.count_writes() > before, seconds=WAIT_SECONDS)
    cut_all_connections(place)
    wait_until("every deal is in step", is_done, seconds=seconds)
    assert [worker.poll() for worker in workers] == [None, None], "one has ended"
    wait_until("a round is quiet", lambda: is_quiet(place), seconds=seconds)
    place.kill(*workers)
    place.let_leases_expire()


def is_quiet(place: Place) -> bool:
    """Tell whether both workers have had two rounds in a row which nothing ended."""
    logs = [place.log(number).read_text().splitlines() for number in (place.started - 1, place.started)]
    return all(log[-2:] == ["[]", "[]"] for log in logs)


def assert_silence(place: Place) -> None:
    """Fail when another round writes anything, or says that something is wrong."""
    before = place.count_writes()
    assert place.start("--rounds", "1").wait(WAIT_SECONDS) == 0
    assert place.log(place.started).read_text().splitlines() == ["begun", "[]"]
    assert place.count_writes() == before
