package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"golang.org/x/sys/unix"
)

// unpackShapes are the synthetic calibration layers: many small, middling, few large files.
//
// Their folders lie as deep as those of distribution packages: containerd looks at each component of
// each path again.
var unpackShapes = []shape{
	{deep, 4000, 512}, {deep, 3000, 8 << 10}, {deep, 800, 64 << 10}, {deep, 64, 1 << 20}, {deep, 8, 12 << 20},
}

const deep = "usr/lib/calibration/of/deep/paths/d"

// measureUnpack applies tar.gz layers the way containerd's differ does: its own decompressor (no
// external gunzip unless the environment allows one), sha256 of the tar on the way, overlay
// whiteouts, then draining the trailing bytes. What was unpacked stays until the end: deleting it
// here would load the journal while the next layer is timed.
func measureUnpack(s settings) error {
	data, err := corpus(32 << 20)
	if err != nil {
		return err
	}
	for _, files := range unpackShapes {
		raw, err := tarOf(data, files)
		if err != nil {
			return err
		}
		blob, err := gzipped(raw, gzip.DefaultCompression)
		if err != nil {
			return err
		}
		for rep := range s.reps {
			root := filepath.Join(s.work, "unpack", fmt.Sprint(files.size, "-", rep))
			if err := os.MkdirAll(root, 0o755); err != nil {
				return err
			}
			if err := dropCaches(); err != nil {
				return err
			}
			begin := time.Now()
			if err := applyLayer(root, blob); err != nil {
				return err
			}
			emit("unpack", int64(files.count*files.size), int64(files.count), time.Since(begin).Seconds())
		}
	}
	return nil
}

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
