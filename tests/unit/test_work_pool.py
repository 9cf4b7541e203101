"""With which command the runs of a work pool begin: ours, unless somebody has set another one."""

from typing import Any

import pytest

from cosell.dispatch.deployments import with_command

OURS = "/opt/cosell/.venv/bin/python -m prefect.engine"


def template(command: str | None) -> dict[str, Any]:
    variables = {"command": {"type": "string", "default": command}, "env": {"type": "object", "default": {}}}
    return {"job_configuration": {"command": "{{ command }}"}, "variables": {"properties": variables}}


@pytest.mark.parametrize("before", [None, "", "/home/earlier/bin/python -m prefect.engine"])
def test_pool_without_a_command_or_with_that_of_another_installation_gets_ours(before: str | None) -> None:
    given = template(before)

    assert with_command(given, OURS) == template(OURS)
    assert given == template(before), "what was given stays as it is"


def test_command_which_somebody_has_set_stays() -> None:
    assert with_command(template("nice -n 10 run-my-flow"), OURS) == template("nice -n 10 run-my-flow")


def test_template_which_knows_no_command_is_left_alone() -> None:
    assert with_command({"variables": {"properties": {}}}, OURS) == {"variables": {"properties": {}}}
