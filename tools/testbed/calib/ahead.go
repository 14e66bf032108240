package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/fs/reader"
	"github.com/containerd/stargz-snapshotter/fs/remote"
	"github.com/containerd/stargz-snapshotter/metadata/memory"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// What is decoded ahead of its touch: files of one chunk, from a few hundred bytes to a whole one, each shape in a
// layer of its own, and behind them files that only the table of contents knows, as in an image.
var (
	aheadShapes = []shape{{"a", 3000, 600}, {"a", 1500, 8 << 10}, {"a", 400, 64 << 10}, {"a", 48, 512 << 10}, {"a", 8, 4 << 20}}
	behind      = shape{"z", 3000, 64}
)

// measureAhead times what a prefetch does once its bytes are here: all cores walk through its files, read their regions
// from the store, inflate, verify and cache chunk by chunk. Each layer is decoded by a new process, as a node's client is.
func measureAhead(s settings) error {
	data, err := corpus(32 << 20)
	if err != nil {
		return err
	}
	for _, each := range aheadShapes {
		raw, err := tarOf(data, each, behind)
		if err != nil {
			return err
		}
		if err := decodeLayer(s, each, raw); err != nil {
			return err
		}
	}
	return nil
}

func decodeLayer(s settings, files shape, raw []byte) error {
	blob, tocDigest, err := lazyLayer(raw)
	if err != nil {
		return err
	}
	landmark, err := offsetOf(blob, behind.name(0))
	if err != nil {
		return err
	}
	server, err := serveLayer(s.work, blob)
	if err != nil {
		return err
	}
	defer server.stop()
	for rep := range s.reps {
		store := filepath.Join(s.work, fmt.Sprintf("ahead-%d-%d", files.size, rep))
		child := exec.Command(os.Args[0], "-work", store, "decode", server.address, digest.FromBytes(blob).String(),
			tocDigest, fmt.Sprint(len(blob)), fmt.Sprint(landmark), fmt.Sprint(files.count), fmt.Sprint(files.size))
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Run(); err != nil {
			return err
		}
	}
	return nil
}

// decodeAhead prefetches the files of a layer that a landmark would have before it and times their decoding: args
// ADDRESS DIGEST TOC_DIGEST BLOB_BYTES LANDMARK FILES FILE_BYTES.
func decodeAhead(s settings) error {
	var size, landmark, files, fileSize int64
	for i, number := range []*int64{&size, &landmark, &files, &fileSize} {
		if _, err := fmt.Sscan(s.args[3+i], number); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.work, 0o755); err != nil {
		return err
	}
	blob, err := resolveBlob(s.args[0], ocispec.Descriptor{Digest: digest.Digest(s.args[1]), Size: size},
		regionSizes[0].size, filepath.Join(s.work, "regions"))
	if err != nil {
		return err
	}
	defer blob.Close()
	table, err := memory.NewReader(io.NewSectionReader(readerAt{blob}, 0, size))
	if err != nil {
		return err
	}
	chunks, err := directCache(filepath.Join(s.work, "chunks"))
	if err != nil {
		return err
	}
	layer, err := reader.NewReader(table, chunks, digest.Digest(s.args[1]))
	if err != nil {
		return err
	}
	defer layer.Close()
	if _, err := layer.VerifyTOC(digest.Digest(s.args[2])); err != nil {
		return err
	}
	if err := blob.Cache(0, landmark); err != nil {
		return err
	}
	begin := time.Now()
	if err := layer.Cache(reader.WithFilter(func(offset int64) bool { return offset < landmark })); err != nil {
		return err
	}
	emitPacked("ahead", files*fileSize, files, landmark, time.Since(begin).Seconds())
	return nil
}

// readerAt is a remote blob as the readers of its table want it.
type readerAt struct{ blob remote.Blob }

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) { return r.blob.ReadAt(p, offset) }

// offsetOf is where a file's bytes start in a layer.
func offsetOf(layer []byte, name string) (int64, error) {
	opened, err := estargz.Open(io.NewSectionReader(bytes.NewReader(layer), 0, int64(len(layer))))
	if err != nil {
		return 0, err
	}
	entry, found := opened.Lookup(name)
	if !found {
		return 0, fmt.Errorf("%s is missing in the calibration layer", name)
	}
	return entry.Offset, nil
}
