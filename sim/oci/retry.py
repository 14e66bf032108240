"""Trying again: a fault that may pass, and how long to wait before the next attempt."""

import email.utils
import random
import time
from datetime import UTC, datetime

from sim.core.errors import RunFailed
from sim.oci.access import Retry

RETRIED = (408, 429, 500, 502, 503, 504)  # what passes by itself: RFC 9110; 429 RFC 6585
RETRY_AFTER_S_MAX = 120.0  # a registry that asks for more is said to be down


class Fault(Exception):
    """Something that may pass: a reset connection, a short body, 503. `wait_s`: what the other side asked for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Tries:
    """The attempts at one thing."""

    def __init__(self, policy: Retry, draws: random.Random) -> None:
        self._policy = policy
        self._draws = draws
        self._failed = 0

    def again(self, fault: Fault) -> None:
        """Wait for the next attempt. Raises `RunFailed` when there is none left."""
        self._failed += 1
        if self._failed >= self._policy.attempts:
            raise RunFailed(f"{fault}; gave up after {self._failed} attempts, try again later") from None
        if fault.wait_s is not None and fault.wait_s > RETRY_AFTER_S_MAX:
            raise RunFailed(f"{fault}; it asks to wait {fault.wait_s:.0f} s, try again then") from None
        time.sleep(self.wait_s(fault))

    def wait_s(self, fault: Fault) -> float:
        """What was asked for, or up to first × 2ⁿ, drawn evenly."""
        if fault.wait_s is not None:
            return fault.wait_s
        most_s: float = min(self._policy.longest_wait_s, self._policy.first_wait_s * 2 ** (self._failed - 1))
        return self._draws.uniform(0, most_s)

    def moved_on(self) -> None:
        """Count anew: the last attempt got somewhere."""
        self._failed = 0


def retry_after_s(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None if absent or nonsense. RFC 9110 10.2.3."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        at = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
