"""*Retry* in the UI does only what is left to do: after a refusal, half-way through sharing, after a sudden end."""

import asyncio
import json
import os
import signal
from pathlib import Path

from cosell.domain.flows import FlowName
from cosell.store import FiledDeadLetter
from cosell.wiring import open_settings_ledger
from tests.flows.deals import find_shared, read_opportunity, referrals_of, shared_opportunity
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World, processes_of

EIGHTH, NINTH = FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, FlowName.SOLUTIONS_TO_PARTNER_CENTER
CREATE = {"method": "POST", "path": "/engagements/referrals$"}
REFUSAL = {"status": 400, "body": {"code": "BadRequest", "message": "It was refused for the sake of a test."}}
SHARE = "share opportunity "


async def test_refused_record_is_told_everywhere_and_retried_alone(active_world: World) -> None:
    world = active_world
    with world.resting(EIGHTH, NINTH):
        wanted = [shared_opportunity(world, name) for name in ("The first of two", "The second of two")]
        incomplete = shared_opportunity(world, "A deal without a description")
        world.people.crm("PATCH", f"opportunities({incomplete})", {"description": None, "estimatedvalue": None})
        world.emulators.control("PUT", "faults", [{**CREATE, "nth": 1, "action": REFUSAL}])
        try:
            run = world.ui.run(operating(EIGHTH), {"opportunity_ids": [*wanted, incomplete]})
        finally:
            world.emulators.control("DELETE", "faults")

        # Then: the run, the list of dead letters and the CRM say the same.
        assert (run.state_type, run.state) == ("FAILED", "NeedsAttention"), run.message
        assert run.name == "3 opportunities: 1 created, 1 not ready, 1 refused"
        assert {"created", "not ready", "refused"} <= run.tags
        (refused,) = [item for item in wanted if not referrals_of(world, item)]
        (passed,) = [item for item in wanted if item != refused]
        (letter,) = await _open_letters(world, refused)
        row = read_opportunity(world, refused)
        assert row["name"].startswith("✖ ")
        assert [letter.letter.message in text for text in (run.message, str(row["cosell_audit"]))] == [True, True]
        assert "Fill in the description" not in run.message
        row = read_opportunity(world, incomplete)
        assert row["name"].startswith("✖ ")
        assert [problem in row["cosell_audit"] for problem in ("Fill in the description", "deal value")] == [True, True]
        wait_until("all tries are seen", lambda: _tries(world, run.run_id) == {passed: 1, refused: 1, incomplete: 1})

        # When: the operator retries the run from the UI.
        world.emulators.control("DELETE", "requests")
        again = world.ui.retry(run.run_id)

        assert again.state == "Completed", again.message
        assert again.name.startswith("3 opportunities: 1 created")
        assert "refused" not in again.tags
        assert world.emulators.count_route("POST /v1.0/engagements/referrals") == 1
        assert [len(referrals_of(world, item)) for item in (*wanted, incomplete)] == [1, 1, 0]
        assert wait_until("it is in step", lambda: find_shared(world, refused))["name"].startswith("✔ ")
        assert await _open_letters(world, refused) == []
        wait_until("all tries are seen", lambda: _tries(world, run.run_id) == {passed: 1, refused: 2, incomplete: 2})


async def _open_letters(world: World, record_id: str) -> list[FiledDeadLetter]:
    async with open_settings_ledger(world.settings) as ledger:
        return [filed for filed in await ledger.dead_letters.list_open() if filed.letter.record_id == record_id]


def _tries(world: World, run_id: str) -> dict[str, int]:
    """Return how often each opportunity was really worked on."""
    tries: dict[str, int] = {}
    for task in world.ui.tasks_of(run_id):
        if task["name"].startswith(SHARE) and task["state"]["name"] != "Cached":
            record_id = task["name"].removeprefix(SHARE)
            tries[record_id] = tries.get(record_id, 0) + 1
    return tries


async def test_run_that_failed_half_way_through_sharing_is_retried_without_a_second_deal(active_world: World) -> None:
    world = active_world
    with world.resting(EIGHTH, NINTH):
        wanted = shared_opportunity(world, "Half-way")
        # Given: the referral is created, but its id cannot be written into the CRM.
        world.emulators.control("PUT", "faults", [{"method": "PATCH", "path": "opportunities", "action": REFUSAL}])
        try:
            run = world.ui.run(operating(EIGHTH), {"opportunity_ids": [wanted]})
        finally:
            world.emulators.control("DELETE", "faults")
        assert (run.state_type, run.state) == ("FAILED", "NeedsAttention"), run.message
        assert len(referrals_of(world, wanted)) == 1
        assert "RequestRejected" in _errors_by_cause(world, run.run_id)

        world.emulators.control("DELETE", "requests")
        again = world.ui.retry(run.run_id)

        assert again.state == "Completed", again.message
        assert world.emulators.count_route("POST /v1.0/engagements/referrals") == 0
        assert len(referrals_of(world, wanted)) == 1
        assert wait_until("it is in step", lambda: find_shared(world, wanted))["name"].startswith("✔ ")


async def test_run_whose_claims_have_expired_finds_that_another_one_did_its_work(active_world: World) -> None:
    world = active_world
    wait_until("the first deal of all is shared", lambda: find_shared(world, world.early_deal))
    slow = {**CREATE, "nth": 1, "action": {"delay_ms": 45_000}}
    async with open_settings_ledger(world.settings) as ledger:
        with world.resting(EIGHTH, NINTH):
            # The dispatcher would be faster than the run which is to die; what it has in hand it may finish.
            turn = [f"dispatch:{EIGHTH}"]
            while not await ledger.leases.acquire(turn, holder="a test", seconds=300):  # noqa: ASYNC110  it is elsewhere
                await asyncio.sleep(0.2)
            wanted = shared_opportunity(world, "Left behind")
            world.emulators.control("PUT", "faults", [slow])
            try:
                run_id = world.ui.start(operating(EIGHTH))
                wait_until("the run has the deal in hand", lambda: f"{SHARE}{wanted}" in _running(world, run_id))
                os.kill(_process_of(world, run_id), signal.SIGKILL)
                crashed = world.ui.wait_for(run_id)
            finally:
                world.emulators.control("DELETE", "faults")
            assert crashed.state_type == "CRASHED", crashed

            # When: its claims expire, another run does the work, and only then somebody presses Retry.
            await ledger.leases.release(turn, holder="a test")
            wait_until("it is in step", lambda: find_shared(world, wanted))
            world.emulators.control("DELETE", "requests")
            again = world.ui.retry(run_id)

    assert again.state == "Completed", again.message
    assert world.emulators.count_route("POST /v1.0/engagements/referrals") == 0
    assert len(referrals_of(world, wanted)) == 1


def _errors_by_cause(world: World, run_id: str) -> str:
    tables = [table["data"] for table in world.ui.tables_of(run_id) if table["key"] == "errors-by-cause"]
    return json.dumps(tables)


def _running(world: World, run_id: str) -> list[str]:
    return [task["name"] for task in world.ui.tasks_of(run_id) if task["state"]["type"] == "RUNNING"]


def _process_of(world: World, run_id: str) -> int:
    """Return the process in which a worker executes a run."""
    mark = f"PREFECT__FLOW_RUN_ID={run_id}".encode()
    found = [
        process_id
        for process_id, command in processes_of(world.home)
        if "prefect.engine" in command and mark in (Path("/proc") / str(process_id) / "environ").read_bytes()
    ]
    return max(found)
