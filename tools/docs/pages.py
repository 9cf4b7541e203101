"""Which pages are generated, and by what."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cosell.mapping.loader import FILES
from tools.docs import cli_page, crm_page, errors_page, mappings_page, settings_page, variables_page

PROJECT = Path(__file__).parents[2]

_PAGES: Mapping[str, Callable[[], str]] = {
    ".env.example": settings_page.render_env_example,
    "docs/settings.md": settings_page.render_page,
    "docs/errors.md": errors_page.render_page,
    "docs/crm.md": crm_page.render_page,
    "docs/variables.md": variables_page.render_page,
    "docs/mappings.md": mappings_page.render_page,
    "mappings/schema.json": mappings_page.render_schema,
    **{f"mappings/schema/{name}.json": partial(mappings_page.render_file_schema, name) for name in FILES},
}


def render_pages() -> Mapping[str, str]:
    """Return the text of every generated page, by its path from the project's root."""
    pages = {path: render() for path, render in _PAGES.items()}
    if importlib.util.find_spec("cosell.cli") is not None:
        pages["docs/cli.md"] = cli_page.render_page(importlib.import_module("cosell.cli").app)
    if (PROJECT / "prefect.yaml").exists():
        # Only now: it loads Prefect, which takes seconds.
        flows_page = importlib.import_module("tools.docs.flows_page")
        pages["docs/flows.md"] = flows_page.render_page(PROJECT / "prefect.yaml")
    return pages


def find_stale_pages() -> list[str]:
    """Return the paths of the pages which are not what would be written now."""
    return [path for path, text in render_pages().items() if _read(PROJECT / path) != text]


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
