"""Read, check and summarise traces. Modules: `summary`, `check`."""
