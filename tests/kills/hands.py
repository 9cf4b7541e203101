"""A worker without Prefect: does rounds of flows 6, 8 and 9 until it is killed: `python -m tests.kills.hands`.

It is told by the COSELL_ variables where everything is, and by its arguments how far its clock is ahead, which spares
the tests the minutes until leases of the dead expire. It prints a line for each round: which errors ended its flows.
"""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from cosell.errors import CosellError
from cosell.mapping.variables import Variables
from cosell.settings import Settings, load_settings
from cosell.wiring import open_workspace
from tests.sync.alone import run_flow

AT_ONCE = 8


def main() -> None:
    """Work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ahead", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=1000)
    wanted = parser.parse_args()
    asyncio.run(work(timedelta(seconds=wanted.ahead), rounds=wanted.rounds))


async def work(ahead: timedelta, *, rounds: int) -> None:
    """Do rounds; what ends a flow is told and is no reason to stop, as the next scheduled run comes anyway."""
    settings = load_settings()
    say("begun")
    for _ in range(rounds):
        ended = [error for number in (6, 8, 9) if (error := await do(number, settings, ahead))]
        say(json.dumps(ended))


async def do(number: int, settings: Settings, ahead: timedelta) -> str:
    """Do one flow and return the name of the error which ended it."""
    try:
        async with open_workspace(
            settings, variables=Variables(), clock=lambda: datetime.now(UTC) + ahead
        ) as workspace:
            await run_flow(number, workspace, at_once=AT_ONCE)
    except CosellError as error:
        return type(error).__name__
    return ""


def say(line: str) -> None:
    """Tell whoever has started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
