"""Somebody takes our registration away: the daily check says so in every place where a person might look."""

import json
from typing import Any

from cosell.domain.flows import FlowName
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

FIRST = FlowName.REGISTER_WEBHOOK
THEIRS = "https://others.example/hook"
PATIENCE_SECONDS = 240
"""Partner Center sends two validation events in a minute, and others may have asked for some just before."""


def test_url_of_another_system_is_told_everywhere_and_is_replaced_when_that_is_said(active_world: World) -> None:
    world = active_world
    ours = _registration(world)
    # Given: another system registers its own URL, and drops one of our events.
    _register(world, {**ours, "WebhookUrl": THEIRS, "WebhookEvents": ["referral-created", "test-created"]})

    run = world.ui.run(operating(FIRST))

    # Then: the run fails by name, and table, terminal and the message to whoever is on call name the URL.
    assert (run.state_type, run.state) == ("FAILED", "NeedsAttention")
    assert THEIRS in run.message
    assert {"what": "PROBLEM", "is": run.message} in _table(world, run.run_id)
    assert json.loads(world.cosell("status", "--json").stdout)["webhook_trouble"] == run.message
    assert f"✖ webhook: Partner Center sends its notifications to {THEIRS}" in world.cosell("status").stdout
    checks = {check["check"]: check for check in json.loads(world.cosell("doctor", "--json").stdout)["checks"]}
    assert (checks["webhook"]["verdict"], THEIRS in checks["webhook"]["told"]) == ("failed", True)
    assert checks["notification"]["verdict"] == "fine"
    (message,) = wait_until("somebody is told", lambda: world.pager.about(FIRST, state="NeedsAttention"))
    assert THEIRS in message["text"]
    assert message["url"].endswith(f"/runs/flow-run/{run.run_id}")
    assert message["message"] == run.message

    # When: a person says that it is to be ours again.
    run_id = world.ui.start(operating(FIRST), {"overwrite": True})
    run = wait_until("it is ours again", lambda: _ended(world, run_id), seconds=PATIENCE_SECONDS)

    assert run.state_type == "COMPLETED", run.message
    assert run.message.startswith(f"Registered in place of {THEIRS}. Partner Center's validation event was delivered")
    again = _registration(world)
    assert again["WebhookUrl"] == ours["WebhookUrl"]
    assert sorted(again["WebhookEvents"]) == sorted(ours["WebhookEvents"])
    assert json.loads(world.cosell("status", "--json").stdout)["webhook_trouble"] is None


def test_registration_that_lost_an_event_is_put_back_and_the_run_has_a_name_for_it(active_world: World) -> None:
    world = active_world
    ours = _registration(world)
    _register(world, {**ours, "WebhookEvents": ["referral-created", "test-created"]})

    run_id = world.ui.start(operating(FIRST))
    run = wait_until("it is whole again", lambda: _ended(world, run_id), seconds=PATIENCE_SECONDS)

    assert (run.state_type, run.state) == ("COMPLETED", "Mended"), run.message
    assert "had lost referral-updated, related-referral-created, related-referral-updated" in run.message
    assert set(_registration(world)["WebhookEvents"]) == set(ours["WebhookEvents"])


def _ended(world: World, run_id: str) -> Any:  # noqa: ANN401  a run, once it has ended
    run = world.ui.get_run(run_id)
    return run if run.state_type in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None


def _table(world: World, run_id: str) -> list[dict[str, str]]:
    (table,) = world.ui.tables_of(run_id)
    rows: list[dict[str, str]] = json.loads(table["data"])
    return rows


def _registration(world: World) -> dict[str, Any]:
    answer = world.people.client.get(_address(world), headers=_headers(world))
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


def _register(world: World, wanted: dict[str, Any]) -> None:
    answer = world.people.client.put(_address(world), json=wanted, headers=_headers(world))
    answer.raise_for_status()


def _address(world: World) -> str:
    return world.emulators.urls["partner_center_webhooks"]


def _headers(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.people.portal_token}"}
