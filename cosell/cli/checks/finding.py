"""What a check finds, and how one is run: whatever goes wrong in it becomes its finding."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum

from cosell.errors import CosellError

CHECK_SECONDS = 45
"""After this a check has failed; the clients have asked again several times by then."""


class Verdict(StrEnum):
    """What a check comes to."""

    FINE = "fine"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`told` is what was found, `todo` what a person does about it; ids and names, never a secret."""

    check: str
    verdict: Verdict
    told: str
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a check says of itself; its name is added by `run_check`."""

    told: str
    verdict: Verdict = Verdict.FINE
    todo: str = ""


async def run_check(name: str, asking: Awaitable[Said | str]) -> Finding:
    """Return what a check found; a plain text means that all is fine, one of our errors that it is not."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            said = await asking
    except CosellError as error:
        return Finding(check=name, verdict=Verdict.FAILED, told=str(error))
    except TimeoutError:
        told = f"No answer within {CHECK_SECONDS} seconds."
        return Finding(check=name, verdict=Verdict.FAILED, told=told, todo="Look at the network and at the service.")
    except Exception as error:  # noqa: BLE001  no check may stop the others, whatever happens in it
        told = f"The check itself broke ({type(error).__name__})."
        return Finding(check=name, verdict=Verdict.FAILED, told=told, todo="Please report this.")
    if isinstance(said, str):
        return Finding(check=name, verdict=Verdict.FINE, told=said)
    return Finding(check=name, verdict=said.verdict, told=said.told, todo=said.todo)


def skip(name: str, needs: str) -> Finding:
    """Return the finding of a check which cannot be made before another one passes."""
    return Finding(check=name, verdict=Verdict.SKIPPED, told=f"Not checked: this needs the {needs} first.")
