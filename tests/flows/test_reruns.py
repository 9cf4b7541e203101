"""One of two records is refused: everybody is told the same, and *Retry* in the UI does only what is left to do."""

from cosell.domain.flows import FlowName
from cosell.store import FiledDeadLetter
from cosell.wiring import open_settings_ledger
from tests.flows.deals import find_shared, read_opportunity, referrals_of, shared_opportunity
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

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
