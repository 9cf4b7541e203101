"""Runs begin at once: the worker starts the flow itself, and no process before it which only finds out how."""

import shlex
import sys

from tests.flows.prefect_ui import DEACTIVATING
from tests.flows.world import World


def test_workers_begin_runs_with_the_python_of_this_installation(world: World) -> None:
    pool = world.ui.ask("GET", "work_pools/cosell")

    default = pool["base_job_template"]["variables"]["properties"]["command"]["default"]
    assert default == shlex.join([sys.executable, "-m", "prefect.engine"])
    run = world.ui.run(DEACTIVATING, {"flow_name": "solutions-to-partner-center"})
    assert run.state_type == "COMPLETED", run.message
