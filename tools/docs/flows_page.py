"""docs/flows.md, from the flows in flows/ and the deployments in prefect.yaml."""

import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from prefect import Flow

import flows
from cosell.domain.flows import ACTIVATION_ORDER
from tools.docs.markdown import NOTICE, to_code, to_table

_INTRODUCTION = """\
# Flows

The nine flows of the connector come first, in the order in which they are activated; a flow runs only when those
before it are active. What each one does is said in its own words; its deployments are those of `prefect.yaml`.
"""


def render_page(prefect_yaml: Path) -> str:
    """Return docs/flows.md."""
    content = yaml.safe_load(prefect_yaml.read_text("utf-8"))
    deployments: Sequence[Mapping[str, object]] = content.get("deployments") or ()
    parts = [NOTICE.format(source="flows/ and prefect.yaml"), _INTRODUCTION]
    for entrypoint, flow in _sort(_load_flows()).items():
        number = _number(flow.name)
        parts.append(
            f"\n## {f'{number}. ' if number else ''}`{flow.name}`\n\n{_list_parameters(flow.description or '')}\n"
        )
        rows = [_describe(deployment) for deployment in deployments if deployment.get("entrypoint") == entrypoint]
        if rows:
            parts.append("\n" + to_table(("Deployment", "Runs", "What for"), rows))
    return "".join(parts)


def _list_parameters(description: str) -> str:
    """Return a flow's docstring with its parameters as a list."""
    prose, _, arguments = description.strip().partition("Args:\n")
    entries = re.sub(r"\n {5,}", " ", arguments).splitlines()
    listed = [f"- `{name}`: {meaning}" for name, _, meaning in (entry.strip().partition(": ") for entry in entries)]
    return "\n".join([prose.rstrip(), *(["", "Parameters:", "", *listed] if listed else [])])


def _load_flows() -> Mapping[str, Flow[..., object]]:
    names = sorted(f"flows.{module.name}" for module in pkgutil.iter_modules(flows.__path__))
    return {
        f"{name}.{attribute}": thing
        for name in names
        for attribute, thing in vars(importlib.import_module(name)).items()
        if isinstance(thing, Flow) and thing.fn.__module__ == name
    }


def _sort(found: Mapping[str, Flow[..., object]]) -> Mapping[str, Flow[..., object]]:
    last = len(ACTIVATION_ORDER) + 1
    return dict(sorted(found.items(), key=lambda item: (_number(item[1].name) or last, item[1].name)))


def _number(name: str) -> int:
    return next((flow.number for flow in ACTIVATION_ORDER if flow.value == name), 0)


def _describe(deployment: Mapping[str, object]) -> tuple[str, str, str]:
    # Links within the Prefect UI lead nowhere from this page.
    description = re.sub(r"\[([^]]+)\]\(/[^)]*\)", r"\1", str(deployment.get("description") or ""))
    return to_code(str(deployment.get("name"))), _describe_start(deployment), description


def _describe_start(deployment: Mapping[str, object]) -> str:
    starts = [_describe_schedule(schedule) for schedule in _to_rows(deployment.get("schedules"))]
    starts += ["when another run completes" for _ in _to_rows(deployment.get("triggers"))]
    return ", ".join(starts) or "by hand, or when called"


def _describe_schedule(schedule: Mapping[str, object]) -> str:
    if "cron" in schedule:
        return f"at {to_code(str(schedule['cron']))} (cron)"
    if "interval" in schedule:
        return f"every {schedule['interval']} s"
    return f"by {to_code(str(schedule.get('rrule')))}"


def _to_rows(value: object) -> Sequence[Mapping[str, object]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
