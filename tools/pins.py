"""Renews constraints.txt: `.venv/bin/python tools/pins.py python3.11 python3.13` asks both what they would install.

Give the oldest and the newest Python that are supported: what one of them does not need, the other may. A line which
none of them needs is kept and named, because it may be for a Python or a system that is not here.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PINS = PROJECT / "constraints.txt"


def main(pythons: Sequence[str]) -> int:
    """Write constraints.txt anew; return the exit code."""
    if not pythons:
        print("usage: python tools/pins.py PYTHON...", file=sys.stderr)
        return 2
    comments = [line for line in PINS.read_text("utf-8").splitlines() if line.startswith("#")]
    before = _read_pins()
    after: dict[str, str] = {}
    for python in pythons:
        for name, version in _resolve(python).items():
            if after.setdefault(name, version) != version:
                print(f"{name}: {after[name]} and {version}; the first one stays", file=sys.stderr)
    for name in sorted(before.keys() - after.keys()):
        print(f"{name}: kept, although no Python given here needs it", file=sys.stderr)
    pins = {**{name: before[name] for name in before.keys() - after.keys()}, **after}
    lines = comments + [f"{name}=={pins[name]}" for name in sorted(pins)]
    PINS.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


def _read_pins() -> Mapping[str, str]:
    lines = (line for line in PINS.read_text("utf-8").splitlines() if "==" in line)
    return {_normalize(name): version for name, _, version in (line.partition("==") for line in lines)}


def _resolve(python: str) -> Mapping[str, str]:
    """Return names and versions of what a fresh environment of this Python would hold."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        subprocess.run([python, "-m", "venv", str(environment)], check=True)  # noqa: S603 - named by the caller
        report = Path(folder) / "report.json"
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True)  # noqa: S603 - reports need a recent one
        subprocess.run([*pip, "--dry-run", "--report", str(report), f"{PROJECT}[dev,bench]"], check=True)  # noqa: S603
        installed = json.loads(report.read_text("utf-8"))["install"]
    found = {item["metadata"]["name"]: item["metadata"]["version"] for item in installed}
    return {_normalize(name): version for name, version in found.items() if name != "cosell-sync"}


def _normalize(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


sys.exit(main(sys.argv[1:]))
