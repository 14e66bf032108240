"""Typed config to resolved run to result; matrices and executors."""
