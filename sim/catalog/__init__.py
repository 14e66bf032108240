"""Workloads: recipe, traces and layouts; where they lie and how they are built."""
