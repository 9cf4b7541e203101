"""What must not be found in anything that Prefect keeps or our programs print: the invented people, and the secrets."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.flows.world import World

CONTACT = {
    "firstName": "Ottoline",
    "lastName": "Quillfeather",
    "phoneNumber": "+44 20 7946 0991",
    "email": "ottoline.quillfeather@zephyrine-looms.example",
}
DEAL: dict[str, Any] = {
    "name": "Weaving robots for Zephyrine",
    "customerProfile": {"name": "Zephyrine Looms", "team": [CONTACT]},
    "details": {"notes": "The weavers want a moonlit pilot.", "dealValue": 7391357249, "currency": "GBP"},
}
PERSONAL = (
    *CONTACT.values(),
    DEAL["name"],
    "Zephyrine Looms",
    "moonlit pilot",
    "7391357249",
    "Northwind Bakeries",
    "Hafenstra",
    "Replace the ordering system",
    "@customer.example",
    "seller@contoso-partner.example",
    "referrals.admin@contoso-partner.example",
)
SECRET_SETTINGS = (
    "COSELL_DATAVERSE__CLIENT_SECRET",
    "COSELL_PARTNER_CENTER__CLIENT_SECRET",
    "COSELL_PARTNER_CENTER__REFRESH_TOKEN",
)
TOKEN_BEGINS = ("Bearer eyJ", '"access_token"', '"refresh_token"')
KEPT = ("flow_runs", "task_runs", "artifacts", "logs")
OURS = ("prefect", "results", "logs", "up.log")
"""Where Prefect and our programs write; the ledger and its key are not meant for anybody's eyes."""


def find_in_what_prefect_tells(world: World) -> list[tuple[str, str]]:
    """Return where the Prefect API tells what it must not, and what that is."""
    kept = {what: json.dumps(world.ui.list_all(what), ensure_ascii=False) for what in KEPT}
    assert min(len(text) for text in kept.values()) > 1000, "there is nothing to look at"
    return [(what, needle) for what, text in kept.items() for needle in _needles(world) if needle in text]


def find_in_files(world: World) -> list[tuple[str, str]]:
    """Return which files of Prefect and of our programs hold what they must not, and what that is."""
    files = [path for name in OURS for path in _files(world.home / name)]
    assert {"worker.log", "prefect-server.log", "up.log", "prefect.db"} <= {path.name for path in files}
    assert any(path.parent.name == "results" for path in files)
    needles = [(needle, needle.encode()) for needle in _needles(world)]
    contents = ((path, _content(path)) for path in files)
    return [(path.name, needle) for path, content in contents for needle, raw in needles if raw in content]


def _files(start: Path) -> Iterator[Path]:
    return iter([start]) if start.is_file() else (path for path in start.rglob("*") if path.is_file())


def _content(path: Path) -> bytes:
    """Return what a file holds; results of tasks are packed once more."""
    raw = path.read_bytes()
    is_result = raw.startswith(b'{"metadata"')
    return raw + b64decode(json.loads(raw)["result"]) if is_result else raw


def _needles(world: World) -> list[str]:
    return [*PERSONAL, *TOKEN_BEGINS, *(world.environment[name] for name in SECRET_SETTINGS)]
