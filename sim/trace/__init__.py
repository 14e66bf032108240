"""Check, summarise and import traces. Modules: `summary`, `check`, `imported`."""
