"""How many requests one address may make in a minute, counted in this process."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

from django.conf import settings

__all__ = ["Meter", "meter"]

REMEMBERED = 10_000
MINUTE = 60.0


class Meter:
    """A bucket of tokens for each address, filled evenly over a minute. The longest unseen addresses are forgotten."""

    def __init__(self, per_minute: int, remembered: int = REMEMBERED) -> None:
        self.per_minute = per_minute
        self.remembered = remembered
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, address: str, now: float | None = None) -> int:
        """0 where the request may go on, else the seconds after which to come again.

        >>> m = Meter(2)
        >>> [m.wait("a", 0.0), m.wait("a", 0.0), m.wait("a", 0.0), m.wait("b", 0.0), m.wait("a", 30.0)]
        [0, 0, 30, 0, 0]
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            left, seen = self._left.pop(address, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + (now - seen) * self.per_minute / MINUTE)
            allowed = left >= 1
            self._left[address] = (left - 1 if allowed else left, now)
            while len(self._left) > self.remembered:
                self._left.popitem(last=False)
        return 0 if allowed else max(1, round((1 - left) * MINUTE / self.per_minute))


_meters: dict[int, Meter] = {}


def meter() -> Meter:
    """That of the open services; ``open_requests_per_minute`` of the node."""
    allowed = int(settings.JINTU_OPEN_REQUESTS_PER_MINUTE)
    return _meters.setdefault(allowed, Meter(allowed))
