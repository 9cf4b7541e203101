"""What prefect.yaml deploys loads, is described, and is all there is."""

import importlib
import re
from collections.abc import Mapping
from functools import cache

import pytest
import yaml
from prefect import Flow

from cosell.domain.flows import ACTIVATION_ORDER
from tests.house.project import PROJECT, SHIPPED, read, text_files

# Flow name: why nobody starts it through a deployment.
NOT_DEPLOYED: Mapping[str, str] = {}

pytestmark = pytest.mark.skipif(not (PROJECT / "prefect.yaml").exists(), reason="there is no prefect.yaml yet")


@cache
def _deployments() -> tuple[tuple[str, str], ...]:
    """Return entrypoint and name of every deployment."""
    content = yaml.safe_load(read("prefect.yaml"))
    return tuple((deployment["entrypoint"], deployment["name"]) for deployment in content["deployments"])


@cache
def _entrypoints() -> tuple[str, ...]:
    return tuple(dict.fromkeys(entrypoint for entrypoint, _ in _deployments()))


@cache
def _flows() -> Mapping[str, Flow[..., object]]:
    """Return every flow that is defined in flows/, by its entrypoint."""
    modules = [
        importlib.import_module(f"flows.{path.stem}")
        for path in sorted((PROJECT / "flows").glob("*.py"))
        if path.stem != "__init__"
    ]
    return {
        f"{module.__name__}.{name}": thing
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, Flow) and thing.fn.__module__ == module.__name__
    }


def _load(entrypoint: str) -> object:
    module, _, name = entrypoint.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_entrypoints_are_module_paths_which_load_a_flow() -> None:
    """A file path would put flows/ first on the import path, and a typo would still deploy."""
    assert [path for path in _entrypoints() if "/" in path or ":" in path or path.endswith(".py")] == []
    assert [path for path in _entrypoints() if path.split(".")[0] not in SHIPPED] == []
    assert [path for path in _entrypoints() if not isinstance(_load(path), Flow)] == []


def test_no_two_deployments_of_a_flow_share_a_name() -> None:
    assert sorted(_deployments()) == sorted(set(_deployments()))


def test_every_flow_has_a_description() -> None:
    assert [path for path, flow in _flows().items() if not (flow.description or "").strip()] == []


def test_every_flow_is_deployed_or_said_not_to_be() -> None:
    missing = {flow.name for path, flow in _flows().items() if path not in _entrypoints()} - set(NOT_DEPLOYED)
    assert missing == set(), "add it to prefect.yaml, or to NOT_DEPLOYED with a reason"
    assert set(NOT_DEPLOYED) <= {flow.name for flow in _flows().values()}


def test_every_flow_has_a_file_of_its_name() -> None:
    named = {path.split(".")[1]: flow.name.replace("-", "_") for path, flow in _flows().items()}
    assert {file: name for file, name in named.items() if file != name} == {}
    assert len(named) == len(_flows()), "one flow per file"


def test_the_nine_flows_of_the_activation_order_are_there() -> None:
    assert {flow.value for flow in ACTIVATION_ORDER} <= {flow.name for flow in _flows().values()}


def test_every_flow_is_in_the_documentation() -> None:
    pages = "\n".join(read(path) for path in text_files() if path.suffix == ".md")
    assert {flow.name for flow in _flows().values() if f"`{flow.name}`" not in pages} == set()


def test_every_artifact_has_the_key_of_its_tenant() -> None:
    """Two tenants on one server would else write into each other's tables."""
    made = re.compile(r"\b(?:acreate_\w+_artifact|ArtifactCreate)\(")
    texts = {path: read(path) for path in text_files() if path.parts[0] in {"flows", "tasks"} and path.suffix == ".py"}
    assert [str(path) for path, text in texts.items() if len(made.findall(text)) > text.count("tenant_artifact(")] == []
