"""The automation which tells somebody is made once: what its operator makes of it stays."""

from cosell.dispatch.notification import AUTOMATION
from tests.flows.prefect_ui import Document
from tests.flows.world import World


def _automations(world: World) -> list[Document]:
    return world.ui.list_all("automations")


def _ours(world: World) -> Document:
    (found,) = [item for item in _automations(world) if "cosell" in item["tags"]]
    return found


def test_automation_that_was_edited_stays_as_it_is_and_one_that_was_deleted_comes_back(world: World) -> None:
    before = _ours(world)
    assert (before["name"], before["enabled"]) == (AUTOMATION, True)

    # When: an operator renames it and switches it off, and the product is deployed again.
    kept = {key: before[key] for key in ("description", "trigger", "actions", "tags")}
    world.ui.ask("PUT", f"automations/{before['id']}", {**kept, "name": "Wake Ottokar", "enabled": False})
    done = world.cosell("deploy")

    assert done.returncode == 0, done.stderr
    assert "'Wake Ottokar' is switched off in the Prefect UI" in done.stdout
    edited = _ours(world)
    assert (edited["id"], edited["name"], edited["enabled"]) == (before["id"], "Wake Ottokar", False)

    world.ui.ask("DELETE", f"automations/{before['id']}")
    assert world.cosell("deploy").returncode == 0
    assert (_ours(world)["name"], _ours(world)["enabled"]) == (AUTOMATION, True)


def test_address_of_whoever_is_told_is_not_shown_by_the_server(world: World) -> None:
    blocks = world.ui.list_all("block_documents")
    assert [block["data"]["url"].strip("*") for block in blocks if block["name"] == "cosell-notify"] == [""]
