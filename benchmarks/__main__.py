"""`make bench`: run every benchmark in a process of its own, write down what they say, and the page which shows it."""

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page import PROGRAMS, write_page

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    """Measure and write; a benchmark that fails fails the command, and what was measured before it is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*PROGRAMS, []], help="measure only these anew, keep the others")
    names = parser.parse_args().only or list(PROGRAMS)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    for name in names:
        print(f"{name} …", flush=True)
        done = subprocess.run([sys.executable, "-m", PROGRAMS[name]], stdout=subprocess.PIPE, check=True, cwd=ROOT)
        told = json.loads(done.stdout.splitlines()[-1])
        results[name] = {"at": datetime.now(UTC).isoformat(), "machine": _describe_machine(), **told}
        print(json.dumps(told, indent=2))
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
        PAGE.write_text(write_page(results), "utf-8")
    print(f"Written to {RESULTS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")


def _describe_machine() -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return f"{machine}, Python {platform.python_version()}, load of the last five minutes {os.getloadavg()[1]:.1f}"


if __name__ == "__main__":
    main()
