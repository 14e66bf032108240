package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"path/filepath"
	"time"

	"github.com/containerd/stargz-snapshotter/cache"
	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/fs/reader"
	"github.com/containerd/stargz-snapshotter/metadata/memory"
	"github.com/opencontainers/go-digest"
)

// chunkSizes span what images hold: small files up to the default chunk of 4 MiB.
var chunkSizes = []int{4 << 10, 64 << 10, 512 << 10, 4 << 20}

func directCache(folder string) (cache.BlobCache, error) {
	return cache.NewDirectoryCache(folder, cache.DirectoryCacheConfig{Direct: true})
}

// measureChunk times the snapshotter's own reader over a layer in memory: the first read of a file
// of one chunk (inflate, sha256, cache write) and a second read of the same 128 KiB (cache hit).
// Beside each miss it times inflate and sha256 of the same bytes alone, so that the parts of one
// chunk come from one moment of the machine.
func measureChunk(s settings) error {
	data, err := corpus(32 << 20)
	if err != nil {
		return err
	}
	for _, size := range chunkSizes {
		count := min(200, max(8, (64<<20)/size)) * s.reps / 5
		files := shape{"d", max(1, count), size}
		raw, err := tarOf(data, files)
		if err != nil {
			return err
		}
		blob, _, err := lazyLayer(raw)
		if err != nil {
			return err
		}
		if err := touchFiles(filepath.Join(s.work, "chunk", digest.FromBytes(blob).Encoded()), data, blob, files); err != nil {
			return err
		}
	}
	return nil
}

func touchFiles(folder string, data, blob []byte, files shape) error {
	store, err := directCache(folder)
	if err != nil {
		return err
	}
	defer store.Close()
	meta, err := memory.NewReader(io.NewSectionReader(bytes.NewReader(blob), 0, int64(len(blob))))
	if err != nil {
		return err
	}
	defer meta.Close()
	verifiable, err := reader.NewReader(meta, store, digest.FromBytes(blob))
	if err != nil {
		return err
	}
	layer, err := verifiable.VerifyTOC(meta.TOCDigest())
	if err != nil {
		return err
	}
	window := make([]byte, min(files.size, 128<<10))
	for i := range files.count {
		if err := timeCodec(files.content(data, i)); err != nil {
			return err
		}
		id, err := lookup(layer, files.name(i))
		if err != nil {
			return err
		}
		file, err := layer.OpenFile(id)
		if err != nil {
			return err
		}
		for _, measure := range []string{"chunk_miss", "chunk_hit"} {
			begin := time.Now()
			if _, err := file.ReadAt(window, 0); err != nil && err != io.EOF {
				return err
			}
			emit(measure, int64(files.size), 1, time.Since(begin).Seconds())
		}
	}
	return nil
}

// timeCodec times one gzip member, compressed and read as estargz does (best compression, the
// standard library's reader), and one sha256.
func timeCodec(chunk []byte) error {
	member, err := gzipped(chunk, gzip.BestCompression)
	if err != nil {
		return err
	}
	begin := time.Now()
	decoder, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, decoder); err != nil {
		return err
	}
	emit("inflate", int64(len(chunk)), 1, time.Since(begin).Seconds())
	begin = time.Now()
	sha256.Sum256(chunk)
	emit("hash", int64(len(chunk)), 1, time.Since(begin).Seconds())
	return nil
}

func lookup(layer reader.Reader, path string) (uint32, error) {
	meta := layer.Metadata()
	folder, _, err := meta.GetChild(meta.RootID(), filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	id, _, err := meta.GetChild(folder, filepath.Base(path))
	return id, err
}

// measureTOC times opening layers of more and more files; bytes is the length of the TOC's JSON.
func measureTOC(s settings) error {
	data, err := corpus(1 << 20)
	if err != nil {
		return err
	}
	for _, count := range []int{100, 1000, 4000, 10000} {
		raw, err := tarOf(data, shape{"d", count, 64})
		if err != nil {
			return err
		}
		blob, _, err := lazyLayer(raw)
		if err != nil {
			return err
		}
		length, err := tocLength(blob)
		if err != nil {
			return err
		}
		for range s.reps {
			begin := time.Now()
			meta, err := memory.NewReader(io.NewSectionReader(bytes.NewReader(blob), 0, int64(len(blob))))
			if err != nil {
				return err
			}
			emit("toc", length, int64(count), time.Since(begin).Seconds())
			meta.Close()
		}
	}
	return nil
}

// tocLength is the size of the TOC's JSON, found through the footer.
func tocLength(blob []byte) (int64, error) {
	offset, _, err := estargz.OpenFooter(io.NewSectionReader(bytes.NewReader(blob), 0, int64(len(blob))))
	if err != nil {
		return 0, err
	}
	decoder, err := gzip.NewReader(bytes.NewReader(blob[offset:]))
	if err != nil {
		return 0, err
	}
	decoder.Multistream(false)
	return io.Copy(io.Discard, decoder)
}
