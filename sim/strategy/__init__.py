"""How an image reaches a node: a composition of parts, with named presets."""
