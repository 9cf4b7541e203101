"""The catalogue's import as an operator starts it in the Prefect UI: a file in a folder, a result beside it."""

import csv
import json
from pathlib import Path

from tests.catalogue.books import write_book
from tests.flows.prefect_ui import IMPORTING
from tests.flows.world import World

SUITE = ("SOL-OPERATOR-1", "Operator's Suite", "3P", "Kestrel Software")


def uploads(world: World) -> Path:
    folder = world.home / "imports"
    folder.mkdir(exist_ok=True)
    return folder


def shown(world: World, run_id: str) -> str:
    return json.dumps(world.ui.tables_of(run_id))


def test_workbook_reaches_the_crm_and_a_rerun_changes_nothing(world: World) -> None:
    path = write_book(uploads(world) / "details.xlsx", SUITE, ("SOL-OPERATOR-2", "Second Suite"))

    first = world.ui.run(IMPORTING, {"file": path.name})
    second = world.ui.run(IMPORTING, {"file": path.name})

    assert (first.state_type, first.message.partition(".")[0]) == (
        "COMPLETED",
        "2 created, 0 updated, 0 unchanged",
    ), first.message
    assert second.message.startswith("0 created, 0 updated, 2 unchanged.")
    with Path(f"{path}.result.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [line[4] for line in csv.reader(stream)][1:] == ["unchanged", "unchanged"]
    assert "2 created" in shown(world, first.run_id)
    only = {"flow_run_id": {"any_": [first.run_id]}, "type": {"any_": ["progress"]}}
    assert [artifact["data"] for artifact in world.ui.list_all("artifacts", artifacts=only)] == [100.0]


def test_file_that_cannot_be_used_is_told_by_place_and_never_by_value(world: World) -> None:
    path = write_book(uploads(world) / "wrong.xlsx", ("SOL-SECRET/3", "Secret Suite"), ("SOL-OPERATOR-4", ""))

    run = world.ui.run(IMPORTING, {"file": path.name})

    assert (run.state_type, run.state) == ("FAILED", "NeedsAttention"), run.message
    assert run.message.startswith("Nothing was written: 2 problems in the file")
    table = shown(world, run.run_id)
    assert "B (Solution Name*)" in table
    assert "SECRET" not in table.upper()


def test_no_other_file_of_the_machine_is_read(world: World) -> None:
    outside = write_book(world.home / "outside.xlsx", SUITE)

    climbing = world.ui.run(IMPORTING, {"file": "../outside.xlsx"})
    absolute = world.ui.run(IMPORTING, {"file": str(outside)})
    missing = world.ui.run(IMPORTING, {"file": "nothing.xlsx"})

    assert [run.state_type for run in (climbing, absolute, missing)] == ["FAILED"] * 3
    assert climbing.message.startswith("Only files in ")
    assert absolute.message.startswith("Only files in ")
    assert missing.message.startswith("There is no such file in ")
