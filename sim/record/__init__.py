"""Observe a workload below the overlay: `record(Recording(...))` gives a `sim.core.trace.Trace`."""

from sim.record.recording import Recording, record, time_plain

__all__ = ["Recording", "record", "time_plain"]
