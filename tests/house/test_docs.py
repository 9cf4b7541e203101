"""Pages that follow from the code are fresh, and what people are told to type exists."""

import re

import pytest
from pydantic import BaseModel

from cosell.settings import DELIMITER, PREFIX, Settings, load_settings
from tests.house.project import PROJECT, make_targets, read, text_files
from tools.docs.pages import find_stale_pages, render_pages
from tools.docs.settings_page import iter_settings

SPOKEN_OF_MAKE = re.compile(r"(?:^\s*|`|\$ )make ([a-z]+)", re.MULTILINE)
PAGES = [path for path in text_files() if path.suffix == ".md"]


def _variables(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> set[str]:
    """Walk the settings on a way of its own, so that a fault of the generator shows."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= _variables(inner, f"{prefix}{name.upper()}{DELIMITER}")
        else:
            names.add(prefix + name.upper())
    return names


def test_generated_pages_are_what_make_docs_would_write() -> None:
    assert find_stale_pages() == [], "run `make docs` and commit what it changes"


@pytest.mark.parametrize("page", [".env.example", "docs/settings.md"])
def test_every_setting_is_documented(page: str) -> None:
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", read(page))) >= _variables()


def test_every_setting_says_what_it_is_for() -> None:
    assert [setting.variable for setting in iter_settings() if not setting.purpose] == []


def test_env_example_filled_in_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands behind the comment signs is really the default: setting it changes nothing."""
    written = dict(line.removeprefix("# ").split("=", 1) for line in read(".env.example").splitlines() if "=" in line)
    required = {
        name: "filled-in" for name, value in written.items() if not value and f"\n{name}=" in read(".env.example")
    }
    for name, value in (required | {"COSELL_DATAVERSE__URL": "https://contoso.crm.example"}).items():
        monkeypatch.setenv(name, value)
    plain = load_settings()
    for name, value in written.items():
        if value:
            monkeypatch.setenv(name, value)
    assert load_settings() == plain


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_make_commands_that_pages_speak_of_are_targets(page: object) -> None:
    assert set(SPOKEN_OF_MAKE.findall(read(str(page)))) - make_targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_pages_lead_somewhere(page: object) -> None:
    text = read(str(page))
    here = (PROJECT / str(page)).parent
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
    assert [target for target in targets if not (here / target).exists()] == []


def test_readme_names_the_two_commands() -> None:
    assert {"demo", "test"} <= set(SPOKEN_OF_MAKE.findall(read("README.md")))


def test_every_generated_page_is_marked_as_such() -> None:
    pages = {path: text for path, text in render_pages().items() if not path.endswith(".json")}
    assert [
        path for path, text in pages.items() if "Written by `make docs`" not in "\n".join(text.splitlines()[:3])
    ] == []
