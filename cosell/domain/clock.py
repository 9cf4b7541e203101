"""The one way to ask for the time: everything that needs it is handed a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)
