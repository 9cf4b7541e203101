"""`kill -9` of everything that works, in the middle of a burst: it ends with one deal each, and with nobody's help."""

import os
import signal

from cosell.cli.demo.people import Document
from tests.flows.prefect_ui import wait_until
from tests.flows.world import DISPATCHER, SERVER, WORKER, World

NAME = "Invited in a burst"
RECOVERY_SECONDS = 420.0
"""A claim of a minute has to end after each death, and a service takes five calls a second."""


def test_everything_killed_in_the_middle_of_a_burst_ends_with_one_deal_each(active_world: World, records: int) -> None:
    world = active_world
    invited = {str(world.people.microsoft_invites({"name": f"{NAME} {number}"})["id"]) for number in range(records)}

    _wait_for_rows(world, records // 4)
    _kill(world, DISPATCHER)
    _wait_for_rows(world, records // 2)
    for victim in (SERVER, WORKER, DISPATCHER):
        _kill(world, victim)

    wait_until("all are in step", lambda: _are_in_step(world, invited), seconds=RECOVERY_SECONDS)
    assert len(_rows(world)) == records
    assert world.emulators.violations() == []


def _wait_for_rows(world: World, count: int) -> None:
    wait_until(f"{count} have arrived", lambda: len(_rows(world)) >= count, seconds=RECOVERY_SECONDS)


def _kill(world: World, command: str) -> None:
    os.kill(wait_until(f"{command} is there", lambda: world.find_process(command)), signal.SIGKILL)


def _rows(world: World) -> list[Document]:
    world.sign_people_in()
    query = f"opportunities?$filter=contains(name,'{NAME}')&$select=cosell_referralid,name"
    return list(world.people.crm("GET", query)["value"])


def _are_in_step(world: World, invited: set[str]) -> bool:
    """Tell whether each referral has its opportunity, and knows its id."""
    known = {row["cosell_referralid"]: row["opportunityid"] for row in _rows(world)}
    return known.keys() == invited and all(
        world.people.portal("GET", f"/{referral_id}")["externalReferenceId"] == opportunity_id
        for referral_id, opportunity_id in known.items()
    )
