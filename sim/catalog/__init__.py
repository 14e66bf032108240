"""The catalog of real workloads: what each is, and where its trace, tree and layouts lie."""

from sim.catalog.workloads import LAYOUT_FORMATS, TRACE_KINDS, Workload, catalog_folder, names, workload

__all__ = ["LAYOUT_FORMATS", "TRACE_KINDS", "Workload", "catalog_folder", "names", "workload"]
