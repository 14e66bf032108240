package main

import (
	"compress/gzip"
	"crypto/sha256"
	"time"

	"github.com/containerd/stargz-snapshotter/cache"
)

func directCache(folder string) (cache.BlobCache, error) {
	return cache.NewDirectoryCache(folder, cache.DirectoryCacheConfig{Direct: true})
}

// measureHash times sha256 of chunks of 64 KiB to 4 MiB.
func measureHash(s settings) error {
	data, err := corpus(32 << 20)
	if err != nil {
		return err
	}
	for _, size := range []int{64 << 10, 512 << 10, 4 << 20} {
		for range s.reps {
			begin := time.Now()
			sha256.Sum256(data[:size])
			emit("hash", int64(size), 1, time.Since(begin).Seconds())
		}
	}
	return nil
}

// membersOf compresses each file alone, as estargz does: best compression.
func membersOf(files group) (members [][]byte, err error) {
	members = make([][]byte, files.count)
	for i := range members {
		if members[i], err = gzipped(files.content(files.data, i), gzip.BestCompression); err != nil {
			return nil, err
		}
	}
	return members, nil
}
