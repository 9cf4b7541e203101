"""The dispatcher as the operator meets it: runs at once, runs that can be retried, and what dies comes back."""

import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from cosell.domain.flows import FlowName
from cosell.wiring import open_settings_ledger
from tests.flows.prefect_ui import ENDED, Run, operating, wait_until
from tests.flows.world import DISPATCHER, SERVER, WORKER, World

SIXTH, EIGHTH, NINTH = (
    FlowName.PARTNER_CENTER_TO_DYNAMICS,
    FlowName.OPPORTUNITIES_TO_PARTNER_CENTER,
    FlowName.SOLUTIONS_TO_PARTNER_CENTER,
)
ALONE, BATCH = "/opportunities\\(cosell_referralid=", "/\\$batch$"
CREATE = {"path": f"({ALONE}|{BATCH})"}
"""The write by which an opportunity is made: alone, or in a batch with its solutions."""
REFUSAL = {"status": 400, "body": {"error": {"code": "0x80040203", "message": "It was refused for a test."}}}
SLOW = {"delay_ms": 8000}
RECOVERY_SECONDS = 240.0
"""A claim of a minute has to end, and a busy machine takes its time."""


def test_notification_is_run_by_the_dispatcher_as_a_run_of_its_deployment(active_world: World) -> None:
    world = active_world
    referral_id = _invite(world, "Dispatched at once")
    wait_until("an opportunity arrives in the CRM", lambda: _find_rows(world, referral_id))

    run = wait_until("its run has ended", lambda: _find_run_about(world, referral_id))
    told = world.ui.ask("GET", f"flow_runs/{run.run_id}")
    assert {"dispatched", "cosell", "flow 6", "created"} <= run.tags
    assert told["deployment_id"] == world.ui.deployment(operating(SIXTH))["id"]
    assert (run.state_type, run.count, told["infrastructure_pid"]) == ("COMPLETED", 1, None)


def test_retry_hands_a_dispatched_run_to_a_worker_which_does_what_was_not_done(active_world: World) -> None:
    world = active_world
    # Refused with its solutions, it is tried alone; so each way is refused once.
    world.emulators.control("PUT", "faults", [{"path": way, "nth": 1, "action": REFUSAL} for way in (ALONE, BATCH)])
    try:
        referral_id = _invite(world, "Refused at first")
        run = wait_until("its run has ended", lambda: _find_run_about(world, referral_id))
    finally:
        world.emulators.control("DELETE", "faults")
    assert (run.state, run.count) == ("NeedsAttention", 1), run.message
    assert "dispatched" in run.tags
    assert _find_rows(world, referral_id) == []

    again = world.ui.retry(run.run_id)

    assert (again.state, again.count) == ("Completed", 2), again.message
    assert len(_find_rows(world, referral_id)) == 1
    tries = [f"create opportunity of {referral_id}", "claim hints, round 1"]
    wait_until("all tries are seen", lambda: [_count_done(world, run, name) for name in tries] == [2, 1])


def test_killed_dispatcher_comes_back_and_its_work_is_done_once(active_world: World) -> None:
    world = active_world
    world.emulators.control("PUT", "faults", [{**CREATE, "nth": 1, "action": SLOW}])
    try:
        referral_id = _invite(world, "Killed half-way")
        under_way = wait_until("a run is on", lambda: _dispatched(world, "RUNNING"))
        victim = world.find_process(DISPATCHER)
        os.kill(victim, signal.SIGKILL)
    finally:
        world.emulators.control("DELETE", "faults")

    wait_until("another dispatcher is there", lambda: world.find_process(DISPATCHER) not in {0, victim})
    rows = wait_until("the opportunity arrives", lambda: _find_rows(world, referral_id), seconds=RECOVERY_SECONDS)
    assert len(rows) == 1
    ended = wait_until("the dead run is told", lambda: _ended(world, under_way[0]))
    assert (ended.state_type, "comes again by itself" in ended.message) == ("CRASHED", True)


def test_cancel_in_the_ui_ends_a_dispatched_run(active_world: World) -> None:
    world = active_world
    world.emulators.control("PUT", "faults", [{**CREATE, "nth": 1, "action": {"delay_ms": 60000}}])
    try:
        _invite(world, "Cancelled half-way")
        (run, *_) = wait_until("a run is on", lambda: _dispatched(world, "RUNNING"))
        state = {"type": "CANCELLING", "name": "Cancelling"}
        world.ui.ask("POST", f"flow_runs/{run.run_id}/set_state", {"state": state})
        told = wait_until("it is told as cancelled", lambda: _ended(world, run, as_state="CANCELLED"))
    finally:
        world.emulators.control("DELETE", "faults")
    assert told.message == "Cancelled in the Prefect UI."


def test_hints_wait_while_the_prefect_server_is_gone(active_world: World) -> None:
    world = active_world
    os.kill(world.find_process(SERVER), signal.SIGKILL)
    referral_id = _invite(world, "While the server was gone")

    rows = wait_until("the opportunity arrives", lambda: _find_rows(world, referral_id), seconds=RECOVERY_SECONDS)
    assert len(rows) == 1
    assert world.find_process(SERVER), "it was started again"


def test_without_a_dispatcher_the_schedule_finds_what_waits(active_world: World) -> None:
    world = active_world
    dispatcher = world.find_process(DISPATCHER)
    os.kill(dispatcher, signal.SIGSTOP)
    try:
        referral_id = _invite(world, "Nobody dispatches")
        _plan_run_now(world, SIXTH)
        rows = wait_until("the opportunity arrives", lambda: _find_rows(world, referral_id), seconds=RECOVERY_SECONDS)
    finally:
        os.kill(dispatcher, signal.SIGCONT)
    assert len(rows) == 1
    run = wait_until("its run has ended", lambda: _find_run_about(world, referral_id))
    assert "dispatched" not in run.tags


def test_an_hour_without_workers_is_made_up_for_by_one_run(active_world: World) -> None:
    world = active_world
    worker = world.find_process(WORKER)
    os.kill(worker, signal.SIGSTOP)
    try:
        before = _runs(world, EIGHTH, "COMPLETED")
        world.ui.ask("POST", f"deployments/{_id(world, EIGHTH)}/schedule", _last_hour())
        wait_until("missed runs are cancelled", lambda: len(_superseded(world)) > 100)
        assert _superseded(world)[0].message == "Not run: a later run of the same schedule does its work."
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_until("one run makes up for it", lambda: len(_runs(world, EIGHTH, "COMPLETED")) > len(before))
    made = [run for run in _runs(world, EIGHTH, "COMPLETED") if run.run_id not in {old.run_id for old in before}]
    assert len(made) <= 3, "the one that makes up for it, and what the schedule has started since"


async def test_scheduled_run_leaves_the_work_to_one_which_is_on_and_a_person_is_obeyed(active_world: World) -> None:
    world = active_world
    with world.resting(EIGHTH):
        async with open_settings_ledger(world.settings) as ledger:
            key = f"flow:{EIGHTH}"
            assert await ledger.leases.acquire([key], holder="another run", seconds=600) == {key}
        world.ui.set_paused(operating(EIGHTH), is_paused=False)
        try:
            left = wait_until("a scheduled run steps back", lambda: _named(world, EIGHTH, "AlreadyRunning"))
            by_hand = world.ui.run(operating(EIGHTH))
        finally:
            async with open_settings_ledger(world.settings) as ledger:
                await ledger.leases.release([key], holder="another run")

    assert left[0].state_type == "CANCELLED"
    assert by_hand.state_type in {"COMPLETED", "FAILED"}, by_hand.message
    assert by_hand.state != "AlreadyRunning"


def test_schedule_edited_in_the_ui_survives_deploying(active_world: World) -> None:
    world = active_world
    deployment = world.ui.deployment(operating(NINTH))
    (shipped,) = deployment["schedules"]
    path = f"deployments/{deployment['id']}/schedules"
    world.ui.ask("PATCH", f"{path}/{shipped['id']}", {"schedule": {"interval": 77.0}, "active": False})
    world.ui.ask("POST", path, [{"schedule": {"cron": "5 4 * * *", "timezone": "Europe/Berlin"}, "active": True}])
    try:
        done = [world.cosell("deploy") for _ in range(2)]

        assert [it.returncode for it in done] == [0, 0], done[0].stderr
        assert "edited in the Prefect UI were kept: 9-solutions-to-partner-center" in done[1].stdout
        kept = world.ui.deployment(operating(NINTH))["schedules"]
        assert {(it["schedule"].get("interval"), it["schedule"].get("cron"), it["active"]) for it in kept} == {
            (77.0, None, False),
            (None, "5 4 * * *", True),
        }
        others = world.ui.deployment(operating(EIGHTH))["schedules"]
        assert [it["schedule"]["interval"] for it in others] == [30.0]
    finally:
        body = {"schedules": [{"schedule": {"interval": 60.0}, "active": True, "slug": "poll"}]}
        world.ui.ask("PATCH", f"deployments/{deployment['id']}", body)


def _invite(world: World, name: str) -> str:
    return str(world.people.microsoft_invites({"name": name})["id"])


def _find_rows(world: World, referral_id: str) -> list[dict[str, Any]]:
    query = f"opportunities?$filter=cosell_referralid eq '{referral_id}'&$select=name"
    return list(world.people.crm("GET", query)["value"])


def _find_run_about(world: World, referral_id: str) -> Run | None:
    for run in world.ui.runs_of(operating(SIXTH)):
        if any(referral_id in str(table["data"]) for table in world.ui.tables_of(run.run_id)):
            return run
    return None


def _count_done(world: World, run: Run, name: str) -> int:
    """Count how often a task of a run was really done."""
    return sum(task["name"] == name and task["state"]["name"] != "Cached" for task in world.ui.tasks_of(run.run_id))


def _dispatched(world: World, state: str) -> list[Run]:
    return [run for run in world.ui.runs_of(operating(SIXTH), states=(state,)) if "dispatched" in run.tags]


def _ended(world: World, run: Run, *, as_state: str = "") -> Run | None:
    told = world.ui.get_run(run.run_id)
    return told if told.state_type in ({as_state} if as_state else ENDED) else None


def _runs(world: World, flow: FlowName, state: str) -> list[Run]:
    return world.ui.runs_of(operating(flow), states=(state,))


def _named(world: World, flow: FlowName, name: str) -> list[Run]:
    return [run for run in _runs(world, flow, "CANCELLED") if run.state == name]


def _superseded(world: World) -> list[Run]:
    return _named(world, EIGHTH, "Superseded")


def _id(world: World, flow: FlowName) -> str:
    return str(world.ui.deployment(operating(flow))["id"])


def _last_hour() -> dict[str, object]:
    """Let Prefect plan the runs of the last hour: they look as if nobody had taken them."""
    now = datetime.now(UTC)
    return {
        "start_time": (now - timedelta(hours=1)).isoformat(),
        "end_time": now.isoformat(),
        "min_runs": 1,
        "max_runs": 200,
    }


def _plan_run_now(world: World, flow: FlowName) -> None:
    """Move the next planned run of a schedule to this moment, so that nobody has to wait for it."""
    (run, *_) = sorted(
        world.ui.list_all(
            "flow_runs",
            deployments={"id": {"any_": [_id(world, flow)]}},
            flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
        ),
        key=lambda told: str(told["next_scheduled_start_time"]),
    )
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
    world.ui.ask("POST", f"flow_runs/{run['id']}/set_state", {"state": state, "force": True})
