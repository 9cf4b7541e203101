"""`kill -9` of everything that works, in the middle of a burst: it ends with one deal each, and with nobody's help.

`make test ARGS="tests/flows/outages/test_killed_in_a_burst.py --records 500"` does it with more records, and
`--ledger sqlite` with the other ledger.
"""

import os
import signal
from collections import Counter

import pytest

from cosell.cli.demo.people import Document
from tests.flows.deals import list_referrals, shared_opportunity
from tests.flows.prefect_ui import wait_until
from tests.flows.world import DISPATCHER, SERVER, WORKER, World
from tests.postgres import cut_connections

INVITED, SHARED = "Invited in a burst", "Shared in a burst"
RECOVERY_SECONDS = 420.0
"""A claim of a minute has to end after each death."""
SECONDS_A_RECORD = 2.0
"""Partner Center takes five calls a second, whoever makes them."""
pytestmark = pytest.mark.timeout(3600)


def test_everything_killed_in_the_middle_of_a_burst_ends_with_one_deal_each(active_world: World, records: int) -> None:
    world = active_world
    patience = RECOVERY_SECONDS + SECONDS_A_RECORD * records
    invited = {_invite(world, number) for number in range(records // 2)}
    shared = {shared_opportunity(world, f"{SHARED} {number}") for number in range(records // 2)}

    for part, victims in ((4, [DISPATCHER]), (2, [SERVER, WORKER, DISPATCHER])):
        _wait_for_linked(world, records // part, seconds=patience)
        for victim in victims:
            _kill(world, victim)
        if world.ledger_url:
            wait_until("somebody is connected, and cut off", lambda: cut_connections(world.ledger_url) > 0)
    assert not _are_in_step(world, invited, shared), "they were done before the last was killed"

    wait_until("all are in step", lambda: _are_in_step(world, invited, shared), seconds=patience)
    assert world.emulators.violations() == []


def _invite(world: World, number: int) -> str:
    return str(world.people.microsoft_invites({"name": f"{INVITED} {number}"})["id"])


def _kill(world: World, command: str) -> None:
    os.kill(wait_until(f"{command} is there", lambda: world.find_process(command)), signal.SIGKILL)


def _rows(world: World) -> list[Document]:
    world.sign_people_in()
    query = f"contains(name,'{INVITED}') or contains(name,'{SHARED}')"
    return list(world.people.crm("GET", f"opportunities?$filter={query}&$select=cosell_referralid,name")["value"])


def _wait_for_linked(world: World, count: int, *, seconds: float) -> None:
    def are_linked() -> bool:
        return sum(bool(row["cosell_referralid"]) for row in _rows(world)) >= count

    wait_until(f"{count} are linked", are_linked, seconds=seconds)


def _are_in_step(world: World, invited: set[str], shared: set[str]) -> bool:
    """Tell whether each deal is once on either side, and both sides know each other's id."""
    rows = _rows(world)
    linked = {row["opportunityid"]: row["cosell_referralid"] for row in rows if row["cosell_referralid"]}
    if len(linked) < len(invited) + len(shared):
        return False
    assert len(rows) == len(linked) == len(invited) + len(shared)
    assert shared <= linked.keys()
    assert invited <= set(linked.values())
    referrals = {item["id"]: item["externalReferenceId"] for item in list_referrals(world.people)}
    named = Counter(referrals.values())
    return all(
        named[opportunity_id] == 1 and referrals.get(referral_id) == opportunity_id
        for opportunity_id, referral_id in linked.items()
    )
