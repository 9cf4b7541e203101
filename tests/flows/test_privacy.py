"""After all these runs: Prefect and our programs have kept ids and field names only, and no rule was broken."""

import json
from base64 import b64decode
from pathlib import Path

from tests.flows.secrets import PERSONAL, SECRET_SETTINGS, TOKEN_BEGINS
from tests.flows.world import World

KEPT = ("flow_runs", "task_runs", "artifacts", "logs")
OURS = ("prefect", "results", "logs", "up.log")
"""Where Prefect and our programs write; the ledger and its key are not meant for anybody's eyes."""


def test_no_person_and_no_secret_is_in_what_the_prefect_api_tells(active_world: World) -> None:
    kept = {what: json.dumps(active_world.ui.list_all(what), ensure_ascii=False) for what in KEPT}

    assert min(len(text) for text in kept.values()) > 1000, "there is nothing to look at"
    assert [(what, needle) for what, text in kept.items() for needle in _needles(active_world) if needle in text] == []


def test_no_person_and_no_secret_is_in_the_files_of_prefect_and_in_the_logs(active_world: World) -> None:
    files = [path for name in OURS for path in _files(active_world, name)]
    needles = [(needle, needle.encode()) for needle in _needles(active_world)]

    assert {"worker.log", "prefect-server.log", "up.log", "prefect.db"} <= {path.name for path in files}
    assert any(path.parent.name == "results" for path in files)
    contents = ((path, _content(path)) for path in files)
    found = [(path.name, needle) for path, content in contents for needle, raw in needles if raw in content]
    assert found == []


def _files(world: World, name: str) -> list[Path]:
    start = world.home / name
    return [start] if start.is_file() else [path for path in start.rglob("*") if path.is_file()]


def _content(path: Path) -> bytes:
    """Return what a file holds; results of tasks are packed once more."""
    raw = path.read_bytes()
    is_result = raw.startswith(b'{"metadata"')
    return raw + b64decode(json.loads(raw)["result"]) if is_result else raw


def _needles(world: World) -> list[str]:
    return [*PERSONAL, *TOKEN_BEGINS, *(world.environment[name] for name in SECRET_SETTINGS)]


def test_no_rule_of_the_services_was_broken(active_world: World) -> None:
    assert active_world.emulators.violations() == []
