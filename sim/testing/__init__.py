"""Conformance suites and oracles that every implementation of an interface runs."""
