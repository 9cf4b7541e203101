"""`make bench`: run every benchmark in a process of its own and write down what they say."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

BENCHMARKS = ("receiver", "latency")
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure and write; a benchmark that fails fails the command."""
    measured = {}
    for name in BENCHMARKS:
        print(f"{name} …", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, check=True)
        measured[name] = json.loads(done.stdout)
        print(json.dumps(measured[name], indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), **measured}, indent=2) + "\n", "utf-8")
    print(f"Written to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
