"""Pure planning: columns in, columns out. Modules: `order`, `compile`, `ranges`."""
