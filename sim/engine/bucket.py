"""`TokenBucket`: a link that lets a burst pass at its peak rate before it slows to its own, as a shaper does."""

from simpy import Event
from simpy.events import NORMAL

from sim.engine.beat import Call
from sim.engine.shared import SharedResource

EMPTY = 1e-9  # of the bucket's size; less is float error
FULL_RATE = 1 - 1e-9  # of the rate; a link that carries this much is the bottleneck


class TokenBucket:
    """A link of a solver with a token bucket in front: tokens fill at the rate and each unit carried takes one.

    While there are tokens the link carries up to the peak, then the rate. Exact and never ticked: it looks
    at the link after each solve, and once more when the tokens run out. Starts full.
    Source: Linux `tc-tbf(8)`: rate, burst, peakrate.
    """

    def __init__(
        self, solver: SharedResource, *, rate_bytes_s: float, bucket_bytes: float, peak_bytes_s: float
    ) -> None:
        if bucket_bytes > 0 and not rate_bytes_s < peak_bytes_s < float("inf"):
            raise ValueError(f"peak of {peak_bytes_s} bytes/s: it must be finite and above the rate {rate_bytes_s}")
        self._solver = solver
        self._rate = rate_bytes_s
        self._peak = peak_bytes_s
        self._size = bucket_bytes
        self._tokens = bucket_bytes
        self._looked_s = solver.env.now
        self._through = 0.0
        self._capacity = peak_bytes_s if bucket_bytes > 0 else rate_bytes_s
        self._timer: Event | None = None
        self._held = False
        self.link = solver.link(self._capacity)
        if bucket_bytes > 0:
            solver.after_solve.append(self._look)

    def hold(self) -> None:
        """Carry nothing (an outage) until `let_go`; tokens go on filling."""
        self._held = True
        self._solver.set_capacity(self.link, 0.0)

    def let_go(self) -> None:
        """End what `hold` began."""
        self._held = False
        self._solver.set_capacity(self.link, self._capacity)

    def _look(self) -> None:
        self._fill()
        self._through = self._solver.throughput(self.link)
        if self._tokens <= EMPTY * self._size:
            self._carry(self._rate)
        elif self._through >= self._rate * FULL_RATE:
            self._carry(self._peak)
        if self._capacity == self._peak and self._through > self._rate:
            lasts_s = self._tokens / (self._through - self._rate)
            self._timer = Call(self._solver.env, self._run_out, NORMAL, lasts_s)
        else:
            self._timer = None

    def _fill(self) -> None:
        elapsed_s = self._solver.env.now - self._looked_s
        self._looked_s += elapsed_s
        filled = self._tokens + (self._rate - self._through) * elapsed_s
        self._tokens = max(0.0, min(self._size, filled))

    def _run_out(self, event: Event) -> None:
        if event is self._timer:  # else something changed since
            self._fill()
            self._tokens = 0.0
            self._carry(self._rate)

    def _carry(self, capacity: float) -> None:
        if capacity != self._capacity:
            self._capacity = capacity
            if not self._held:
                self._solver.set_capacity(self.link, capacity)
