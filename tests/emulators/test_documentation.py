"""The page about the emulators names every control, every knob and every rule."""

import re
from dataclasses import fields
from pathlib import Path

from cosell.emulators.controls import CONTROLS
from cosell.emulators.partner_center.behaviour import Behaviour

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "emulators.md").read_text()


def test_every_control_is_documented() -> None:
    told = set(re.findall(r"`(?:(?:GET|POST|PUT|PATCH|DELETE) |…/)([^`?]+)`", PAGE))
    told = {re.sub(r"\{\w+\}", "{}", path) for path in told}
    wanted = {re.sub(r"\{\w+\}", "{}", control.path) for control in CONTROLS}

    assert {path for path in wanted if path not in told and path.rpartition("/")[2] not in told} == set()


def test_every_knob_is_documented() -> None:
    assert [each.name for each in fields(Behaviour) if f"`{each.name}`" not in PAGE] == []


def test_every_rule_is_documented() -> None:
    sources = (PROJECT / "cosell" / "emulators" / "partner_center").glob("*.py")
    text = "\n".join(path.read_text() for path in sources if path.name != "webhook_api.py")
    rules = set(re.findall(r'(?:invalid\(\s*|rule=|"partner_center", |violate\(SERVICE, )"(\w+)"', text))

    assert len(rules) > 20
    assert {rule for rule in rules if f"`{rule}`" not in PAGE} == set()
