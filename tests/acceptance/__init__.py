"""Acceptance by the reference: its library, its command line and its snapshotter take what `image convert` writes."""
