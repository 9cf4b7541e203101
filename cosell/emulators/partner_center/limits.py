"""The gateway in front of Partner Center: lets so many calls through per span of time, when told to."""

import math
from collections import deque
from datetime import datetime, timedelta

from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.world import MovableClock


class Gateway:
    """Counts calls over a sliding span."""

    def __init__(self, clock: MovableClock, behaviour: Behaviour) -> None:
        """Read the limit from the knobs at each call."""
        self._clock = clock
        self._behaviour = behaviour
        self._passed: deque[datetime] = deque()

    def reset(self) -> None:
        """Forget the calls so far."""
        self._passed.clear()

    def seconds_to_wait(self) -> int:
        """Return 0 and count the call when it may pass, else the whole seconds until the next one may."""
        most = self._behaviour.limit_requests
        if most <= 0:
            return 0
        now, span = self._clock.now(), timedelta(seconds=self._behaviour.limit_seconds)
        while self._passed and now - self._passed[0] >= span:
            self._passed.popleft()
        if len(self._passed) < most:
            self._passed.append(now)
            return 0
        return max(1, math.ceil((self._passed[0] + span - now).total_seconds()))
