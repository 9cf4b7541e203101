"""Somebody changes the password: one run says so, the others step back, and after `cosell connect` all goes on."""

import json
import subprocess
from typing import Any

from cosell.domain.flows import FlowName
from tests.flows.deals import find_shared, read_opportunity, shared_opportunity
from tests.flows.prefect_ui import Run, operating, wait_until
from tests.flows.world import ADMIN, World

EIGHTH = FlowName.OPPORTUNITIES_TO_PARTNER_CENTER
RECONNECT = "Reconnect"
POLLING = (FlowName.PARTNER_CENTER_TO_DYNAMICS, EIGHTH, FlowName.SOLUTIONS_TO_PARTNER_CENTER)
"""Whichever of them begins first meets the end of the sign-in: the new deal and its solution are waiting for two."""


def test_ended_sign_in_is_told_once_and_work_goes_on_by_itself_after_the_next(active_world: World) -> None:
    world = active_world
    failed_before = {run.run_id for run in _reconnects(world, "FAILED")}
    with world.resting(*POLLING):
        _change_password(world)
        opportunity_id = shared_opportunity(world, "A deal which has to wait for a sign-in")

    # Then: one run says that the sign-in has ended, and from then on runs step back without trying.
    wait_until("a run meets the end of the sign-in", lambda: _new(world, "FAILED", failed_before))
    stepped_back = wait_until("another run steps back", lambda: _reconnects(world, "CANCELLED"))
    assert "cosell connect partner-center" in stepped_back[0].message
    assert _status(world)["sign_in"]["state"] == RECONNECT
    assert not read_opportunity(world, opportunity_id)["cosell_referralid"]
    by_hand = world.ui.run(operating(EIGHTH), {"opportunity_ids": [opportunity_id]})
    assert (by_hand.state_type, by_hand.state) == ("CANCELLED", RECONNECT)
    told = [run.message for run in _new(world, "FAILED", failed_before)]
    assert len(told) <= len(POLLING), "it is not told by every run"
    assert [text for text in told if "cosell connect partner-center" not in text] == []
    assert _status(world)["hints_waiting"] >= 1, "what moved is kept"

    # When: a Referrals admin signs in.
    end = _connect(world)

    # Then: nobody has to do anything else.
    assert (end["was_interrupted"], end["webhook_problem"]) == (True, None)
    wait_until("the deal is shared", lambda: find_shared(world, opportunity_id))
    assert _status(world)["sign_in"]["state"] == "fine"
    assert "Reconnect" not in str(read_opportunity(world, opportunity_id)["cosell_audit"])


def _change_password(world: World) -> None:
    """End the sign-in, and the access tokens which came from it; the people at their own screens sign in again."""
    world.emulators.control("POST", "revoke", {"kind": "refresh", "user": ADMIN})
    world.emulators.control("POST", "revoke", {"kind": "access"})
    world.sign_people_in()


def _connect(world: World) -> dict[str, object]:
    """Run the command in one terminal, and enter its code in a browser."""
    process: subprocess.Popen[str] = world.start_cosell("connect", "partner-center", "--json")
    assert process.stdout is not None
    code = json.loads(process.stdout.readline())
    world.emulators.control("POST", "device/approve", {"user_code": code["user_code"], "user": ADMIN})
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    told: dict[str, object] = json.loads(rest)
    return told


def _reconnects(world: World, state_type: str) -> list[Run]:
    runs = [run for flow in POLLING for run in world.ui.runs_of(operating(flow), states=(state_type,))]
    return [run for run in runs if run.state == RECONNECT]


def _new(world: World, state_type: str, known: set[str]) -> list[Run]:
    return [run for run in _reconnects(world, state_type) if run.run_id not in known]


def _status(world: World) -> dict[str, Any]:
    done = world.cosell("status", "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
