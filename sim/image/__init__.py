"""Images as a whole: shown, converted, verified, made up. Effects on files and registries are those of `sim.oci`."""
