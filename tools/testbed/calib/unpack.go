package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"golang.org/x/sys/unix"
)

// dropCaches makes the disk's own tables cold, as they are before a measured pull, and ends the
// writeback of earlier layers.
func dropCaches() error {
	unix.Sync()
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}

func applyLayer(root string, blob []byte) error {
	decompressed, err := compression.DecompressStream(bytes.NewReader(blob))
	if err != nil {
		return err
	}
	defer decompressed.Close()
	tee := io.TeeReader(decompressed, sha256.New())
	whiteouts := archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)
	if _, err := archive.Apply(context.Background(), root, tee, whiteouts); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, tee)
	return err
}
