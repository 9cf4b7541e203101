"""Service protection: per user, over a sliding window of five minutes (Microsoft: Service protection API limits).

Off until `enabled` is set; the numbers are the service's own and can be turned down to see a client throttled.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field, fields
from datetime import datetime

from cosell.emulators.dataverse.errors import throttled


@dataclass(slots=True)
class Limits:
    """The three limits. `requests` and `execution_seconds` count within `window_seconds`."""

    enabled: bool = False
    requests: int = 6000
    execution_seconds: float = 1200.0
    concurrency: int = 52
    window_seconds: float = 300.0
    _spent: dict[str, deque[tuple[float, float]]] = field(default_factory=lambda: defaultdict(deque))
    _running: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def reset(self) -> None:
        """Forget who asked how much, and turn every limit back."""
        self._spent.clear()
        self._running.clear()
        fresh = Limits()
        for one in fields(self):
            if not one.name.startswith("_"):
                setattr(self, one.name, getattr(fresh, one.name))

    def enter(self, user_id: str, now: datetime) -> None:
        """Let a request in, or refuse it."""
        self._running[user_id] += 1
        if not self.enabled:
            return
        try:
            self._check(user_id, now.timestamp())
        except Exception:
            self._running[user_id] -= 1
            raise

    def leave(self, user_id: str, now: datetime, seconds: float) -> None:
        """Book a request that was let in."""
        self._running[user_id] -= 1
        if self.enabled:
            self._spent[user_id].append((now.timestamp(), seconds))

    def headers(self, user_id: str) -> dict[str, str]:
        """Return the debugging headers about what is left."""
        if not self.enabled:
            return {}
        spent = self._spent[user_id]
        time_left = self.execution_seconds - sum(seconds for _, seconds in spent)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(0, self.requests - len(spent))),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{max(0.0, time_left):,.2f}",
        }

    def _check(self, user_id: str, now: float) -> None:
        spent = self._spent[user_id]
        while spent and spent[0][0] <= now - self.window_seconds:
            spent.popleft()
        window = f"{self.window_seconds:.0f}"
        retry_after = max(1, round(spent[0][0] + self.window_seconds - now)) if spent else 1
        if self._running[user_id] > self.concurrency:
            message = f"Number of concurrent requests exceeded the limit of {self.concurrency}."
            raise throttled(code="0x80072326", message=message, retry_after=1)
        if len(spent) >= self.requests:
            message = f"Number of requests exceeded the limit of {self.requests} over time window of {window} seconds."
            raise throttled(code="0x80072322", message=message, retry_after=retry_after)
        if sum(seconds for _, seconds in spent) >= self.execution_seconds:
            message = (
                f"Combined execution time of incoming requests exceeded limit of {self.execution_seconds * 1000:,.0f} "
                f"milliseconds over time window of {window} seconds. Decrease number of concurrent requests or reduce "
                "the duration of requests and try again later."
            )
            raise throttled(code="0x80072321", message=message, retry_after=retry_after)
