"""Observe a workload: FUSE boundary and readiness rules."""
