"""Reads compose.yaml and Dockerfile as Docker does, so that tests run what stands there and not a copy of it.

Only what our two files use is understood; anything else fails loudly.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from tests.house.project import read

VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<how>[-?])(?P<word>[^}]*))?\})")
HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"


class VariableMissing(Exception):
    """A variable without a default is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of compose.yaml, everything filled in."""

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    has_env_file: bool
    replicas: int
    health_check: tuple[str, ...]
    """Empty when there is none."""
    depends_on: Mapping[str, str]
    """Service to the condition that is waited for."""
    volumes: tuple[str, ...]
    ports: tuple[str, ...]

    @property
    def is_one_shot(self) -> bool:
        """Whether it does its work once and ends."""
        return self.name in {"migrate", "deploy"}


class Compose:
    """The services of compose.yaml, with these variables filled in."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read the file."""
        self._variables = variables

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """Every service by its name."""
        document = yaml.safe_load(read("compose.yaml"))
        return {name: _service(name, self._fill_in(raw)) for name, raw in document["services"].items()}

    def in_order(self) -> Iterator[Service]:
        """Yield each service after those it depends on."""
        done: set[str] = set()
        while len(done) < len(self.services):
            ready = [item for item in self.services.values() if item.name not in done and set(item.depends_on) <= done]
            assert ready, "services depend on one another in a circle"
            yield from ready
            done |= {item.name for item in ready}

    def _fill_in(self, value: Any) -> Any:  # noqa: ANN401  whatever YAML holds
        match value:
            case str():
                return VARIABLE.sub(self._value_of, value)
            case dict():
                return {key: self._fill_in(item) for key, item in value.items()}
            case list():
                return [self._fill_in(item) for item in value]
        return value

    def _value_of(self, found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        value = self._variables.get(found["name"], "")
        if value or found["how"] == "-":
            return value or found["word"]
        raise VariableMissing(f"{found['name']}: {found['word'] or 'not set'}")


def find_variables() -> Mapping[str, str | None]:
    """Return what compose.yaml is filled in with: variable to default, None where one has to be set."""
    found: dict[str, str | None] = {}
    for match in VARIABLE.finditer(read("compose.yaml")):
        if match["name"]:
            default = match["word"] if match["how"] == "-" else None
            found[match["name"]] = default
    return found


def read_image_environment() -> Mapping[str, str]:
    """Return the variables which the last stage of the Dockerfile sets."""
    instructions = [text for text in iter_instructions() if text.startswith(("FROM ", "ENV "))]
    start = max(place for place, text in enumerate(instructions) if text.startswith("FROM "))
    pairs = (
        pair.split("=", 1) for text in instructions[start:] if text.startswith("ENV ") for pair in text.split()[1:]
    )
    return {name: value for name, value in pairs if name != "PATH"}


def iter_instructions() -> Iterator[str]:
    """Yield the instructions of the Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in read("Dockerfile").splitlines() if line.strip() and not line.lstrip().startswith("#")]
    yield from (" ".join(text.split()) for text in "\n".join(lines).replace("\\\n", " ").splitlines())


def _service(name: str, raw: Mapping[str, Any]) -> Service:
    check = raw.get("healthcheck", {})
    test: Sequence[str] = [] if check.get("disable") else check.get("test", [])
    assert not test or test[0] == "CMD", f"the health check of {name} is no plain command"
    return Service(
        name=name,
        image=raw["image"],
        command=tuple(raw.get("command", ())),
        environment={key: str(value) for key, value in raw.get("environment", {}).items()},
        has_env_file="env_file" in raw,
        replicas=raw.get("deploy", {}).get("replicas", 1),
        health_check=tuple(test[1:]),
        depends_on={key: item["condition"] for key, item in raw.get("depends_on", {}).items()},
        volumes=tuple(raw.get("volumes", ())),
        ports=tuple(raw.get("ports", ())),
    )
