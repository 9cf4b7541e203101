"""Measure the first load of open deals into an empty CRM: by others, each in a process of its own.

The emulators add latency to every call and enforce the limits of both services. Everybody begins with the same deals,
seeded, and ends with the same opportunities; that is checked. Then each is run again: who has to look at everything
once more pays for it here. Run: `python -m benchmarks.first_load`.
"""

import argparse
import asyncio
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from typing import Any

import httpx

from benchmarks.rivals.drivers import DRIVERS
from benchmarks.rivals.record import Courier
from cosell.cli.demo.people import SELLER
from tests.emulator_process import Emulators, running_emulators
from tests.flows.world import ADMIN, bearer_of

LATENCY_MS = 50
SEED = 7
LIMITS = {
    "partner_center": {"limit_requests": 300, "limit_seconds": 60},
    "dataverse_limits": {"enabled": True},
}
"""Partner Center publishes no number: five requests a second is what the product itself keeps to, so all of them do."""
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}


def measure(count: int) -> dict[str, Any]:
    """Return for each of the others what the first load and a second one took."""
    with running_emulators("--latency-ms", str(LATENCY_MS)) as emulators:
        return {"referrals": count, "by": {name: _measure_one(emulators, name, count) for name in DRIVERS}}


def prepare(emulators: Emulators, count: int) -> int:
    """Put the deals into Partner Center and nothing into the CRM; return how many are open."""
    emulators.reset()
    emulators.control("POST", "seed", {"referrals": count, "opportunities": 0, "seed": SEED})
    emulators.control("POST", "options", LIMITS)
    emulators.control("DELETE", "requests")
    return count


def calls_of(emulators: Emulators) -> dict[str, int]:
    """Return how many calls came, of each kind which counts, and forget them."""
    told: Any = emulators.control("GET", "requests")
    of_partner_center = {route: number for route, number in told["counts"].items() if "/engagements/referrals" in route}
    emulators.control("DELETE", "requests")
    return {
        "dataverse": int(told["by_service"].get("dataverse", 0)),
        "partner_center_reads": sum(n for route, n in of_partner_center.items() if route.startswith("GET ")),
        "partner_center_writes": sum(n for route, n in of_partner_center.items() if not route.startswith("GET ")),
    }


def _measure_one(emulators: Emulators, name: str, count: int) -> dict[str, Any]:
    prepare(emulators, count)
    rounds = []
    for _ in range(2):
        told = _run_apart(emulators, name)
        rounds.append({**told, "calls": calls_of(emulators)})
    first, again = rounds
    opportunities = _count_rows(emulators)
    if opportunities != first["deals"]:
        raise RuntimeError(f"{name}: {opportunities} opportunities for {first['deals']} deals")
    return {"first": first, "again": again}


def _run_apart(emulators: Emulators, name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cosell-benchmark-") as home:
        environment = {
            **os.environ,
            **QUIET,
            "PREFECT_HOME": home,
            "DLT_DATA_DIR": home,
            "BENCHMARK_ORIGIN": emulators.urls["https"],
            "BENCHMARK_CA": emulators.environment["COSELL_CA_BUNDLE"],
            "BENCHMARK_CRM_TOKEN": bearer_of(emulators, SELLER),
            "BENCHMARK_PORTAL_TOKEN": bearer_of(emulators, ADMIN),
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.first_load", "--drive", name],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def _count_rows(emulators: Emulators) -> int:
    headers = {"Authorization": f"Bearer {bearer_of(emulators, SELLER)}"}
    context = ssl.create_default_context(cafile=emulators.environment["COSELL_CA_BUNDLE"])
    path = "opportunities?$select=cosell_referralid&$filter=cosell_referralid ne null&$count=true&$top=1"
    answer = httpx.get(f"{emulators.urls['dataverse']}{path}", headers=headers, verify=context, timeout=60)
    return int(answer.raise_for_status().json()["@odata.count"])


async def drive(name: str) -> dict[str, Any]:
    """Bring everything over as one of the others does; what it took, without starting Python."""
    given = os.environ
    context = ssl.create_default_context(cafile=given["BENCHMARK_CA"])
    async with httpx.AsyncClient(
        base_url=given["BENCHMARK_ORIGIN"], verify=context, timeout=60, trust_env=False
    ) as http:
        courier = Courier(http, crm_token=given["BENCHMARK_CRM_TOKEN"], portal_token=given["BENCHMARK_PORTAL_TOKEN"])
        began = time.perf_counter()
        deals = await DRIVERS[name](courier)
        took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"deals": deals, "seconds": round(took, 1), "peak_mb": peak}


def main() -> None:
    """Read the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many referrals")
    parser.add_argument("--drive", choices=sorted(DRIVERS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    result = asyncio.run(drive(arguments.drive)) if arguments.drive else measure(arguments.count)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
