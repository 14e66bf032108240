"""Image references, manifests and OCI folders."""
