"""compose.yaml, Dockerfile and the pool's template name only what is there: commands, settings, files, versions."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import prefect_redis.client
import prefect_redis.lease_storage
import prefect_redis.messaging
import prefect_redis.ordering
import pytest
import typer.main
import yaml
from prefect.settings import Settings as PrefectSettings
from prefect.utilities.templating import find_placeholders
from pydantic import AliasChoices, BaseModel
from typer.core import TyperGroup

from cosell.cli import app
from tests.house.project import PROJECT, read, text_files
from tests.scale.compose import Compose, VariableMissing, find_variables, iter_instructions, read_image_environment
from tools.docs.settings_page import iter_settings

COMPOSE = Compose({"POSTGRES_PASSWORD": "secret", "COSELL_SECRET_KEY": "key"})
TEMPLATE = PROJECT / "deploy" / "kubernetes" / "base-job-template.json"
OURS = frozenset({"migrate", "deploy", "prefect-api", "prefect-services", "worker", "dispatcher", "receiver"})
# Not Prefect's settings but those of prefect-redis, and what programs agree on.
FURTHER = {"DO_NOT_TRACK", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "POSTGRES_USER", "POSTGRES_PASSWORD"}


OUR_VARIABLES = frozenset(setting.variable for setting in iter_settings())
EXACT = re.compile(r"^[a-z0-9./-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.]+)*$")
"""An image with a tag that names a version, not one that moves."""


@cache
def _prefect_variables() -> frozenset[str]:
    redis = {
        f"PREFECT_REDIS_MESSAGING_{name.upper()}" for name in prefect_redis.client.RedisMessagingSettings.model_fields
    }
    return frozenset(redis | set(_iter_settings(PrefectSettings, "PREFECT")))


def _iter_settings(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the variables of Prefect's settings, old spellings included."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _iter_settings(inner, f"{prefix}_{name.upper()}")
        yield f"{prefix}_{name.upper()}"
        if isinstance(field.validation_alias, AliasChoices):
            yield from (choice.upper() for choice in field.validation_alias.choices if isinstance(choice, str))


def test_every_part_of_the_product_has_its_service() -> None:
    assert set(COMPOSE.services) == {*OURS, "postgres", "redis"}
    assert [name for name in OURS if COMPOSE.services[name].image != "cosell-sync:0.1.0"] == []
    assert {name: item.replicas for name, item in COMPOSE.services.items() if item.replicas > 1} == {
        "prefect-api": 2,
        "worker": 2,
    }


def test_services_start_in_an_order_in_which_nothing_is_missing() -> None:
    order = [service.name for service in COMPOSE.in_order()]
    assert order.index("postgres") < order.index("migrate") < order.index("prefect-api")
    assert order.index("prefect-api") < order.index("deploy") < order.index("worker")


@pytest.mark.parametrize("service", sorted(OURS))
def test_variables_of_a_service_are_real_settings(service: str) -> None:
    known = _prefect_variables() | OUR_VARIABLES | FURTHER
    assert sorted(COMPOSE.services[service].environment.keys() - known) == []


def test_variables_of_the_image_are_real_settings() -> None:
    assert read_image_environment()["COSELL_HOME"] == "/data"
    assert sorted(read_image_environment().keys() - _prefect_variables() - OUR_VARIABLES - FURTHER) == []


def test_modules_that_messages_travel_by_are_those_of_prefect_redis() -> None:
    named = {value for value in COMPOSE.services["prefect-api"].environment.values() if "prefect_redis" in value}
    modules = (prefect_redis.messaging, prefect_redis.ordering, prefect_redis.lease_storage)
    assert named == {module.__name__ for module in modules}


def test_servers_share_one_environment_but_for_the_address_of_the_ui() -> None:
    """A server process which is told something else would keep its messages to itself."""
    servers = [dict(COMPOSE.services[name].environment) for name in ("migrate", "prefect-services", "prefect-api")]
    assert servers[2].pop("PREFECT_UI_API_URL") == "/api"
    assert servers[0] == servers[1] == servers[2]


def test_secrets_of_the_product_do_not_reach_the_servers_of_others() -> None:
    assert {name for name, service in COMPOSE.services.items() if service.has_env_file} == {
        "deploy",
        "worker",
        "dispatcher",
        "receiver",
    }


def test_commands_exist() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name in OURS:
        program, first, *others = COMPOSE.services[name].command
        match program:
            case "cosell":
                options = {option for item in group.commands[first].params for option in item.opts}
                assert {part for part in others if part.startswith("--")} <= options
            case "python":
                assert (PROJECT / first).is_file()
            case _:
                assert program == "prefect", f"{name} starts {program}"


@pytest.mark.parametrize("service", ["prefect-api", "prefect-services", "worker"])
def test_prefect_knows_the_command_and_its_options(service: str) -> None:
    command = COMPOSE.services[service].command
    words = [part for part in command[1:] if not part.startswith("-") and not part.isdigit() and "." not in part]
    told = subprocess.run(
        [sys.executable, "-m", "prefect", *words, "--help"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for option in (part.partition("=")[0] for part in command if part.startswith("--")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", told), f"{option} is not in the help"


def test_health_checks_ask_the_program_that_is_in_the_image() -> None:
    checks = {name: COMPOSE.services[name].health_check for name in OURS if COMPOSE.services[name].health_check}
    assert set(checks) == {"prefect-api", "worker", "receiver"}
    assert {check[:2] for check in checks.values()} == {("python", "deploy/healthy.py")}
    (default,) = [text for text in iter_instructions() if text.startswith("HEALTHCHECK")]
    assert json.loads(default.split("CMD ")[1]) == list(checks["receiver"])


def test_what_has_to_be_set_is_told_and_in_the_documentation() -> None:
    with pytest.raises(VariableMissing, match="POSTGRES_PASSWORD"):
        _ = Compose({}).services
    page = read("docs/scale-out.md")
    assert {name for name in find_variables() if f"`{name}`" not in page} == set()


def test_images_are_pinned_by_tag() -> None:
    python = next(text for text in iter_instructions() if text.startswith("ARG PYTHON=")).partition("=")[2]
    images = [service.image for service in COMPOSE.services.values()] + [f"python:{python}"]
    assert [image for image in images if not EXACT.match(image)] == []


def test_volumes_and_files_that_are_mounted_exist() -> None:
    declared = set(yaml.safe_load(read("compose.yaml"))["volumes"])
    for service in COMPOSE.services.values():
        for source in (volume.split(":")[0] for volume in service.volumes):
            assert (PROJECT / source).is_dir() if source.startswith("./") else source in declared, source


def test_ports_are_open_to_this_machine_alone() -> None:
    assert [port for service in COMPOSE.services.values() for port in service.ports if "127.0.0.1:" not in port] == []


def test_image_runs_without_rights_from_exact_versions_and_holds_no_secret() -> None:
    instructions = list(iter_instructions())
    last_stage = instructions[max(place for place, text in enumerate(instructions) if text.startswith("FROM ")) :]
    assert [text for text in last_stage if text.startswith("USER ")] == ["USER 10001"]
    installs = [
        part for text in instructions if text.startswith("RUN ") for part in re.findall(r"pip install[^&]*", text)
    ]
    assert installs
    assert all("--constraint constraints.txt" in part for part in installs)
    assert not any(text.startswith("ADD ") for text in instructions)
    assert not re.search(r"(?i)secret|password|token", " ".join(instructions))
    assert json.loads(next(text for text in last_stage if text.startswith("CMD ")).removeprefix("CMD "))[0] == "cosell"


def test_what_the_image_is_built_from_passes_the_ignore_file() -> None:
    allowed = {line.lstrip("!").rstrip("/") for line in read(".dockerignore").splitlines() if line.startswith("!")}
    copied: set[str] = set()
    for text in iter_instructions():
        if text.startswith("COPY ") and "--from=" not in text:
            copied |= {source.rstrip("/") for source in shlex.split(text)[1:-1]}
    assert copied == allowed
    assert {name for name in copied if not (PROJECT / name).exists()} == set()
    packages = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= copied


def test_template_of_the_kubernetes_pool_uses_every_variable_and_no_other() -> None:
    template: Mapping[str, Any] = json.loads(TEMPLATE.read_text("utf-8"))
    used = {placeholder.name for placeholder in find_placeholders(template["job_configuration"])}
    assert used == set(template["variables"]["properties"])
    wanted = {"image", "env", "settings_secret", "cpu_request", "memory_request", "memory_limit", "node_selector"}
    assert wanted <= used
    page = read("docs/scale-out.md")
    assert {name for name in wanted if f"`{name}`" not in page} == set()


def test_template_of_the_kubernetes_pool_agrees_with_image_and_compose() -> None:
    template = json.loads(TEMPLATE.read_text("utf-8"))
    assert template["variables"]["properties"]["image"]["default"] == COMPOSE.services["worker"].image
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert f"USER {pod['securityContext']['runAsUser']}" in list(iter_instructions())


def test_health_check_tells_what_answers_from_what_does_not(unused_tcp_port: int) -> None:
    done = subprocess.run(
        [sys.executable, "deploy/healthy.py", f"http://127.0.0.1:{unused_tcp_port}/readyz"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "/readyz" in done.stderr


def test_files_of_the_deployment_are_part_of_the_project() -> None:
    assert {Path("Dockerfile"), Path("compose.yaml"), Path(".dockerignore")} <= set(text_files())
