"""The same measures taken on the real stack: containerd, snapshotters and a registry."""
