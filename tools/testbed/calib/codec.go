package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
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

// chunkTimes are the seconds of each step of one chunk, or their sums over many.
type chunkTimes struct{ inflate, hash, miss, hit float64 }

func (c *chunkTimes) add(other chunkTimes) {
	c.inflate += other.inflate
	c.hash += other.hash
	c.miss += other.miss
	c.hit += other.hit
}

// measureChunk times the snapshotter's own reader over a layer in memory: the first read of a file
// of one chunk (inflate, sha256, cache write) and a second read of the same 128 KiB (cache hit).
// Beside each miss it times inflate and sha256 of the same bytes alone. One sample a round, the mean
// over the files: files differ in how well they compress, rounds do not.
func measureChunk(s settings) error {
	data, err := corpus(32 << 20)
	if err != nil {
		return err
	}
	for _, size := range chunkSizes {
		files := shape{"d", min(60, (40<<20)/size), size}
		raw, err := tarOf(data, files)
		if err != nil {
			return err
		}
		blob, _, err := lazyLayer(raw)
		if err != nil {
			return err
		}
		members, err := membersOf(data, files)
		if err != nil {
			return err
		}
		for round := range s.reps {
			folder := filepath.Join(s.work, fmt.Sprintf("chunk-%d-%d", size, round))
			sum, err := touchFiles(folder, data, blob, members, files)
			if err != nil {
				return err
			}
			count := float64(files.count)
			emit("inflate", int64(size), 1, sum.inflate/count)
			emit("hash", int64(size), 1, sum.hash/count)
			emit("chunk_miss", int64(size), 1, sum.miss/count)
			emit("chunk_hit", int64(size), 1, sum.hit/count)
		}
	}
	return nil
}

// touchFiles opens the layer with an empty cache and reads each file for the first and second time.
func touchFiles(folder string, data, blob []byte, members [][]byte, files shape) (sum chunkTimes, err error) {
	store, err := directCache(folder)
	if err != nil {
		return sum, err
	}
	defer store.Close()
	meta, err := memory.NewReader(io.NewSectionReader(bytes.NewReader(blob), 0, int64(len(blob))))
	if err != nil {
		return sum, err
	}
	defer meta.Close()
	verifiable, err := reader.NewReader(meta, store, digest.FromBytes(blob))
	if err != nil {
		return sum, err
	}
	layer, err := verifiable.VerifyTOC(meta.TOCDigest())
	if err != nil {
		return sum, err
	}
	for i := range files.count {
		times, err := touchFile(layer, files.name(i), files.content(data, i), members[i])
		if err != nil {
			return sum, err
		}
		sum.add(times)
	}
	return sum, nil
}

func touchFile(layer reader.Reader, name string, content, member []byte) (times chunkTimes, err error) {
	if times.inflate, times.hash, err = timeCodec(content, member); err != nil {
		return times, err
	}
	id, err := lookup(layer, name)
	if err != nil {
		return times, err
	}
	file, err := layer.OpenFile(id)
	if err != nil {
		return times, err
	}
	window := make([]byte, min(len(content), 128<<10))
	for _, seconds := range []*float64{&times.miss, &times.hit} {
		begin := time.Now()
		if _, err := file.ReadAt(window, 0); err != nil && err != io.EOF {
			return times, err
		}
		*seconds = time.Since(begin).Seconds()
	}
	return times, nil
}

// membersOf compresses each file alone, as estargz does: best compression.
func membersOf(data []byte, files shape) (members [][]byte, err error) {
	members = make([][]byte, files.count)
	for i := range members {
		if members[i], err = gzipped(files.content(data, i), gzip.BestCompression); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// timeCodec times one gzip member through the standard library's reader, as estargz does, and one sha256.
func timeCodec(chunk, member []byte) (inflate, hash float64, err error) {
	begin := time.Now()
	decoder, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		return 0, 0, err
	}
	if _, err := io.Copy(io.Discard, decoder); err != nil {
		return 0, 0, err
	}
	inflate = time.Since(begin).Seconds()
	begin = time.Now()
	sha256.Sum256(chunk)
	return inflate, time.Since(begin).Seconds(), nil
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
