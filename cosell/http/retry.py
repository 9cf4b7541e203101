"""How long the transport waits before it asks again, and when it gives up and leaves the waiting to a task. Pure.

Two layers retry: the transport for seconds, a Prefect task for minutes. What does not fit into the transport's budget
is raised at once, with the time the service asked for.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from cosell.http.answer import Answer

_TRY_AGAIN_IN = re.compile(r"try again in (\d{1,5}) second", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudget:
    """At most `max_attempts` tries and `max_wait_seconds` of waiting in all, doubling from `first_wait_seconds`."""

    max_attempts: int = 4
    max_wait_seconds: float = 30.0
    first_wait_seconds: float = 0.5
    spread: Callable[[], float] = random.random

    def find_wait(self, *, attempt: int, waited: float, retry_after: float | None) -> float | None:
        """Return the seconds to wait after the `attempt`-th try, or None when the budget is used up.

        What the service asks for is obeyed exactly; our own waits are spread so that clients do not come in step.
        """
        if attempt >= self.max_attempts:
            return None
        own = self.first_wait_seconds * 2 ** (attempt - 1) * (0.5 + self.spread() / 2)
        wait = own if retry_after is None else retry_after
        return wait if waited + wait <= self.max_wait_seconds else None


def find_retry_after(answer: Answer, *, now: datetime) -> float | None:
    """Return the seconds which the answer asks us to wait: from the header, else from the gateway's sentence."""
    header = answer.headers.get("retry-after", "").strip()
    if header:
        return _parse_retry_after(header, now=now)
    if answer.status == 429:
        body = answer.find_object() or {}
        message = body.get("message")
        told = _TRY_AGAIN_IN.search(message) if isinstance(message, str) else None
        return float(told.group(1)) if told else None
    return None


def _parse_retry_after(header: str, *, now: datetime) -> float | None:
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(header)
        return max(0.0, (at - now).total_seconds())
    except (TypeError, ValueError):
        return None
