package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/estargz/externaltoc"
	"github.com/containerd/stargz-snapshotter/estargz/zstdchunked"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
)

type convertOptions struct {
	in, out, prioritized, externalTOC           string
	chunkSize, minChunkSize, level, parallelism int
	allowMissing, zstd                          bool
}

// facts are what a manifest or a test needs to know of a new blob.
type facts struct {
	Digest           digest.Digest `json:"digest"`
	Size             int64         `json:"size"`
	TOCDigest        digest.Digest `json:"toc_digest"`
	DiffID           digest.Digest `json:"diff_id"`
	UncompressedSize int64         `json:"uncompressed_size"`
	Missing          []string      `json:"missing"`

	Annotations map[string]string `json:"annotations,omitempty"` // that only zstd:chunked has
}

// zstdCompression is what a zstd:chunked blob is written and read by.
type zstdCompression struct {
	zstdchunked.Decompressor
	*zstdchunked.Compressor
}

func parseConvert(args []string) (convertOptions, error) {
	var o convertOptions
	f := flag.NewFlagSet("convert", flag.ExitOnError)
	f.StringVar(&o.in, "in", "", "layer to convert: tar, tar.gz or tar.zst")
	f.StringVar(&o.out, "out", "", "file to write the blob to")
	f.StringVar(&o.prioritized, "prioritized", "", "file listing paths to put before the landmark, one a line, in order of need")
	f.BoolVar(&o.allowMissing, "allow-missing", false, "listed paths may be absent from this layer")
	f.IntVar(&o.chunkSize, "chunk-size", 0, "bytes of a chunk; 0 is the library's 4 MiB")
	f.IntVar(&o.minChunkSize, "min-chunk-size", 0, "least compressed bytes of a gzip member; 0: a member for each chunk")
	f.IntVar(&o.level, "level", 9, "gzip level, or zstd level for -zstd")
	f.BoolVar(&o.zstd, "zstd", false, "write zstd:chunked")
	f.StringVar(&o.externalTOC, "external-toc", "", "file to write the TOC to, so that the blob has none")
	f.IntVar(&o.parallelism, "parallelism", 1, "workers; it fixes the member boundaries, so it changes the blob")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.in == "" || o.out == "" || f.NArg() > 0 {
		return o, errors.New("convert needs -in LAYER and -out BLOB and no other argument")
	}
	if o.zstd && o.externalTOC != "" {
		return o, errors.New("zstd:chunked has its TOC inside: give -zstd or -external-toc, not both")
	}
	if o.parallelism < 1 {
		return o, errors.New("-parallelism must be 1 or more, or the blob would depend on this machine's CPUs")
	}
	return o, nil
}

func convert(args []string) error {
	o, err := parseConvert(args)
	if err != nil {
		return err
	}
	in, size, err := openBlob(o.in)
	if err != nil {
		return err
	}
	defer in.Close()
	missing := []string{}
	options, err := o.library(&missing)
	if err != nil {
		return err
	}
	annotations := map[string]string{}
	external := externaltoc.NewGzipCompressionWithLevel(nil, o.level).(*externaltoc.GzipCompression)
	switch {
	case o.zstd:
		level := zstd.EncoderLevelFromZstd(o.level)
		compressor := &zstdchunked.Compressor{CompressionLevel: level, Metadata: annotations}
		options = append(options, estargz.WithCompression(&zstdCompression{Compressor: compressor}))
	case o.externalTOC != "":
		options = append(options, estargz.WithCompression(external))
	}
	blob, err := estargz.Build(io.NewSectionReader(in, 0, size), options...)
	if err != nil {
		return fmt.Errorf("%s: %w", o.in, err)
	}
	found, err := writeBlob(blob, o.out)
	if err != nil {
		return fmt.Errorf("%s: %w", o.out, err)
	}
	if o.externalTOC != "" {
		var toc bytes.Buffer
		if _, err := external.WriteTOCTo(&toc); err != nil {
			return err
		}
		if err := os.WriteFile(o.externalTOC, toc.Bytes(), 0o644); err != nil {
			return err
		}
	}
	found.Missing, found.Annotations = missing, annotations
	return json.NewEncoder(os.Stdout).Encode(found)
}

func (o convertOptions) library(missing *[]string) ([]estargz.Option, error) {
	options := []estargz.Option{
		estargz.WithChunkSize(o.chunkSize),
		estargz.WithMinChunkSize(o.minChunkSize),
		estargz.WithCompressionLevel(o.level),
		estargz.WithParallelism(o.parallelism),
	}
	if o.allowMissing {
		options = append(options, estargz.WithAllowPrioritizeNotFound(missing))
	}
	if o.prioritized == "" {
		return options, nil
	}
	paths, err := readLines(o.prioritized)
	return append(options, estargz.WithPrioritizedFiles(paths)), err
}

func readLines(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var lines []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		if line := scanner.Text(); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
}

// writeBlob writes under a temporary name and renames, so that a blob that exists is whole.
func writeBlob(blob *estargz.Blob, path string) (*facts, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".estargz-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	digester := digest.Canonical.Digester()
	size, err := io.Copy(io.MultiWriter(file, digester.Hash()), blob)
	if err := errors.Join(err, blob.Close(), file.Chmod(0o644), file.Close()); err != nil {
		return nil, err
	}
	raw, err := blob.UncompressedSize()
	if err != nil {
		return nil, err
	}
	found := &facts{
		Digest: digester.Digest(), Size: size, TOCDigest: blob.TOCDigest(), DiffID: blob.DiffID(), UncompressedSize: raw,
	}
	return found, os.Rename(file.Name(), path)
}
