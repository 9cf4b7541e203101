"""What takes seconds to load is loaded by those who need it: no command and no run of the nine flows waits for it."""

import subprocess
import sys

from tests.house.project import PROJECT

LOAD = """
import sys
import cosell.cli, flows.import_solution_details, flows.partner_center_to_dynamics
print(sorted({"pandas", "openpyxl", "numpy"} & set(sys.modules)))
"""


def test_commands_and_flows_load_without_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, cwd=PROJECT)

    assert done.stdout.strip() == "[]"
