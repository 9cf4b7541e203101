"""Looks for broken promises as long as one likes: `make soak MINUTES=10`, or `SEED=7` for one seed once more.

Each seed is a number of examples of its own. The first which breaks a promise is made as short as possible and told.
"""

import argparse
import sys
import time
import traceback
from itertools import count

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import Machine

EXAMPLES = 20
STEPS = 20


def main() -> int:
    """Try seed after seed until the time is over; return 1 when one has found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, help="try only this one")
    wanted = parser.parse_args()
    until = time.monotonic() + wanted.minutes * 60
    seeds = [wanted.seed] if wanted.seed is not None else count(int(time.time()))
    tried = 0
    for number in seeds:
        if tried and time.monotonic() > until:
            break
        tried += 1
        sys.stdout.write(f"seed {number}: {EXAMPLES} examples of up to {STEPS} steps ... ")
        sys.stdout.flush()
        try:
            run_state_machine_as_test(seed(number)(Machine), settings=_settings())
        except Exception:  # noqa: BLE001  whatever was found is told
            sys.stdout.write(f"FOUND\n{traceback.format_exc()}\nAgain: make soak SEED={number}\n")
            return 1
        sys.stdout.write("found nothing\n")
    sys.stdout.write(f"{tried * EXAMPLES} examples in {tried} seeds: no promise was broken.\n")
    return 0


def _settings() -> settings:
    return settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


if __name__ == "__main__":
    sys.exit(main())
