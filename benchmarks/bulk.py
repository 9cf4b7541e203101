"""Measure the first load and the comparing of everything, by the engine itself and at growing size.

Each size has emulators and a ledger of its own, each step a process of its own, so that its memory is its own. For the
first load the emulators add latency to every call and enforce the limits of both services, and what the limits alone
would allow is computed from the calls which were made. Comparing needs many pairs in step: a first load without latency
and at the highest pace that may be set makes them. Run: `python -m benchmarks.bulk`.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.first_load import LATENCY_MS, calls_of, prepare
from cosell.http.budget import Urgency
from cosell.mapping.variables import Variables
from cosell.settings import load_settings
from cosell.sync.backfill.applying import apply_backfill
from cosell.sync.backfill.planning import plan_backfill
from cosell.sync.backfill.verdicts import Direction
from cosell.sync.reconcile.scan import scan_all
from cosell.wiring import open_workspace
from tests.emulator_process import Emulators, running_emulators
from tests.flows.world import clean_environment

PARTNER_CENTER_A_SECOND = 5
DATAVERSE_A_SECOND = 6000 / 300
"""What the emulators enforce, and the product's share of it is in the settings."""
FAST = {"COSELL_PARTNER_CENTER__REQUESTS_PER_SECOND": "50", "COSELL_DATAVERSE__SHARE_OF_LIMIT": "1"}


def measure_first_load(count: int) -> dict[str, Any]:
    """Return what planning, applying and doing it again took for `count` referrals, and what the limits alone allow."""
    with running_emulators("--latency-ms", str(LATENCY_MS)) as emulators, tempfile.TemporaryDirectory() as home:
        prepare(emulators, count)
        planned = _run(emulators, home, "plan")
        planned["calls"] = calls_of(emulators)
        applied = _run(emulators, home, "apply", planned["plan_id"])
        applied["calls"] = calls_of(emulators)
        again = _run(emulators, home, "plan")
        again["calls"] = calls_of(emulators)
        calls = applied["calls"]
        to_partner_center = calls["partner_center_reads"] + calls["partner_center_writes"]
        least = max(to_partner_center / PARTNER_CENTER_A_SECOND, calls["dataverse"] / DATAVERSE_A_SECOND)
        return {
            "referrals": count,
            "plan": planned,
            "apply": applied,
            "plan_again": again,
            "dataverse_requests_per_referral": round((planned["calls"]["dataverse"] + calls["dataverse"]) / count, 3),
            "partner_center_reads_per_referral": round(
                (planned["calls"]["partner_center_reads"] + calls["partner_center_reads"]) / count, 3
            ),
            "seconds_by_limits_alone": round(least, 1),
            "times_the_limits": round(applied["seconds"] / least, 2) if least else None,
            "violations": len(emulators.violations()),
        }


def measure_comparing(count: int) -> dict[str, Any]:
    """Return what comparing `count` referrals and what belongs to them took, and what making the pairs took."""
    with running_emulators() as emulators, tempfile.TemporaryDirectory() as home:
        emulators.reset()
        emulators.control("POST", "seed", {"referrals": count, "opportunities": 0, "seed": 7})
        plan_id = _run(emulators, home, "plan", **FAST)["plan_id"]
        made = _run(emulators, home, "apply", plan_id, **FAST)
        emulators.control("DELETE", "requests")
        compared = _run(emulators, home, "compare", **FAST)
        return {"referrals": count, **compared, "calls": calls_of(emulators), "making_them": made}


def _run(emulators: Emulators, home: str, *words: str, **settings: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulk", "--do", *words],
        env={**clean_environment(), **emulators.environment, "COSELL_HOME": home, **settings},
        stdout=subprocess.PIPE,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


async def do(step: str, *words: str) -> dict[str, Any]:
    """Take one step as a run would, without Prefect around it; what it took, without starting Python."""
    began = time.perf_counter()
    async with open_workspace(load_settings(), variables=Variables(), urgency=Urgency.BACKGROUND) as workspace:
        match step:
            case "plan":
                plan = await plan_backfill(workspace, Direction.TO_CRM)
                told: dict[str, Any] = {"plan_id": plan.plan_id}
            case "apply":
                (plan_id,) = words
                await apply_backfill(workspace, plan_id, run_id="benchmark")
                counts = await workspace.ledger.backfills.count(plan_id)
                told = {"items": {f"{item.kind} {item.verdict} {item.state}": item.count for item in counts}}
            case _:
                scan = await scan_all(workspace)
                told = {"pairs": scan.tally.compared, "in_step": scan.tally.in_step, "findings": len(scan.findings)}
    took = time.perf_counter() - began
    return {**told, "seconds": round(took, 1), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def main() -> None:
    """Read the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=_sizes, default=[200, 1000, 10_000], help="how many referrals, at each size")
    parser.add_argument("--comparings", type=_sizes, default=[100, 1000, 10_000], help="the same for comparing")
    parser.add_argument("--do", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.do:
        print(json.dumps(asyncio.run(do(*arguments.do))))
        return
    loads = [measure_first_load(count) for count in arguments.loads]
    comparings = [measure_comparing(count) for count in arguments.comparings]
    print(json.dumps({"first_load": loads, "comparing": comparings}))


if __name__ == "__main__":
    main()
