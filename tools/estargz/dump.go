package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"sort"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/estargz/externaltoc"
	"github.com/containerd/stargz-snapshotter/estargz/zstdchunked"
	"github.com/opencontainers/go-digest"
)

type dumpHead struct {
	Size       int64         `json:"size"`
	TOCDigest  digest.Digest `json:"toc_digest"`
	TOCOffset  int64         `json:"toc_offset"`
	FooterSize int64         `json:"footer_size"`
}

// dumpEntry is one path of the reference reader's tree. A hard link shows the
// file it resolves to: `Name` is that file's path.
type dumpEntry struct {
	Path   string      `json:"path"`
	Name   string      `json:"name"`
	Type   string      `json:"type"`
	Size   int64       `json:"size"`
	Mode   int64       `json:"mode"`
	Link   string      `json:"link"`
	Digest string      `json:"digest"`
	Read   string      `json:"read_digest"` // of the bytes as the reference reader returns them
	Chunks []dumpChunk `json:"chunks"`
}

type dumpChunk struct {
	FileOffset  int64  `json:"file_offset"`
	Size        int64  `json:"size"`
	Offset      int64  `json:"offset"`
	InnerOffset int64  `json:"inner_offset"`
	NextOffset  int64  `json:"next_offset"`
	Digest      string `json:"digest"`
}

func dump(args []string) error {
	f := flag.NewFlagSet("dump", flag.ExitOnError)
	in := f.String("in", "", "eStargz or zstd:chunked blob")
	toc := f.String("toc", "", "the TOC's own blob, for a layer that keeps it apart")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *in == "" {
		return errors.New("dump needs -in BLOB")
	}
	file, size, err := openBlob(*in)
	if err != nil {
		return err
	}
	defer file.Close()
	section := io.NewSectionReader(file, 0, size)
	reader, err := openReader(section, *toc)
	if err != nil {
		return fmt.Errorf("%s: %w", *in, err)
	}
	tocOffset, footerSize := footer(section)
	buffered := bufio.NewWriter(os.Stdout)
	defer buffered.Flush()
	out := json.NewEncoder(buffered)
	if err := out.Encode(dumpHead{size, reader.TOCDigest(), tocOffset, footerSize}); err != nil {
		return err
	}
	root, ok := reader.Lookup("")
	if !ok {
		return errors.New("blob has no root directory")
	}
	return dumpBelow(reader, root, "", out)
}

// openReader opens a blob of any sort the reference library reads; toc is the path of the TOC's own blob or "".
func openReader(section *io.SectionReader, toc string) (*estargz.Reader, error) {
	provide := func() ([]byte, error) { return os.ReadFile(toc) }
	return estargz.Open(section, estargz.WithDecompressors(
		new(zstdchunked.Decompressor), externaltoc.NewGzipDecompressor(provide)))
}

// footer gives where the TOC starts and the size of the footer; the offset is -1 for a TOC that is elsewhere.
func footer(section *io.SectionReader) (tocOffset, footerSize int64) {
	decompressors := []estargz.Decompressor{
		new(estargz.GzipDecompressor), new(estargz.LegacyGzipDecompressor),
		new(zstdchunked.Decompressor), externaltoc.NewGzipDecompressor(nil),
	}
	for _, d := range decompressors {
		tail := make([]byte, d.FooterSize())
		if _, err := section.ReadAt(tail, section.Size()-d.FooterSize()); err != nil {
			continue
		}
		if _, offset, _, err := d.ParseFooter(tail); err == nil {
			return offset, d.FooterSize()
		}
	}
	return 0, 0
}

// dumpBelow writes what lies below a directory in order of name.
func dumpBelow(reader *estargz.Reader, dir *estargz.TOCEntry, dirPath string, out *json.Encoder) error {
	children := map[string]*estargz.TOCEntry{}
	dir.ForeachChild(func(base string, child *estargz.TOCEntry) bool {
		children[base] = child
		return true
	})
	bases := make([]string, 0, len(children))
	for base := range children {
		bases = append(bases, base)
	}
	sort.Strings(bases)
	for _, base := range bases {
		childPath, child := path.Join(dirPath, base), children[base]
		entry, err := describe(reader, childPath, child)
		if err != nil {
			return fmt.Errorf("%s: %w", childPath, err)
		}
		if err := out.Encode(entry); err != nil {
			return err
		}
		if child.Type != "dir" {
			continue
		}
		if err := dumpBelow(reader, child, childPath, out); err != nil {
			return err
		}
	}
	return nil
}

func describe(reader *estargz.Reader, name string, e *estargz.TOCEntry) (*dumpEntry, error) {
	entry := &dumpEntry{
		Path: name, Name: e.Name, Type: e.Type, Size: e.Size, Mode: e.Mode, Link: e.LinkName, Digest: e.Digest,
		Chunks: []dumpChunk{},
	}
	if e.Type != "reg" {
		return entry, nil
	}
	for offset := int64(0); offset < e.Size; {
		c, ok := reader.ChunkEntryForOffset(e.Name, offset)
		if !ok {
			return nil, fmt.Errorf("no chunk at offset %d", offset)
		}
		entry.Chunks = append(entry.Chunks, dumpChunk{
			c.ChunkOffset, c.ChunkSize, c.Offset, c.InnerOffset, c.NextOffset(), c.ChunkDigest,
		})
		offset += c.ChunkSize
	}
	content, err := reader.OpenFile(e.Name)
	if err != nil {
		return nil, err
	}
	read := digest.Canonical.Digester()
	if _, err := io.Copy(read.Hash(), bufio.NewReaderSize(content, 1<<20)); err != nil {
		return nil, err
	}
	entry.Read = read.Digest().String()
	return entry, nil
}
