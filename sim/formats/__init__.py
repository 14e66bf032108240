"""Bytes to and from tree and layout. No network, no clock, no SimPy."""
