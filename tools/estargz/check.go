package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
)

// checked is what was compared. Differences is empty for a blob that is right.
type checked struct {
	TOCDigest   digest.Digest `json:"toc_digest"`
	Entries     int           `json:"entries"`
	Files       int           `json:"files"`
	Chunks      int           `json:"chunks"`
	Bytes       int64         `json:"bytes"`
	SharedUnits bool          `json:"shared_units"` // several chunks lie in one unit: the library's VerifyTOC refuses that
	Differences []string      `json:"differences"`
}

func (c *checked) differ(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}

// sourceEntry is what a path of the source layer must be in the blob.
type sourceEntry struct {
	header  *tar.Header
	content digest.Digest
}

// check opens a blob with the reference library, verifies TOC and chunks, and compares all to the layer it was made from.
func check(args []string) error {
	f := flag.NewFlagSet("check", flag.ExitOnError)
	in := f.String("in", "", "blob to check")
	toc := f.String("toc", "", "the TOC's own blob, for a layer that keeps it apart")
	layer := f.String("layer", "", "layer the blob was made from: tar, tar.gz or tar.zst")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *in == "" || *layer == "" || f.NArg() > 0 {
		return errors.New("check needs -in BLOB and -layer LAYER and no other argument but -toc")
	}
	file, size, err := openBlob(*in)
	if err != nil {
		return err
	}
	defer file.Close()
	reader, err := openReader(io.NewSectionReader(file, 0, size), *toc)
	if err != nil {
		return fmt.Errorf("%s: %w", *in, err)
	}
	source, err := readSource(*layer)
	if err != nil {
		return fmt.Errorf("%s: %w", *layer, err)
	}
	found := &checked{TOCDigest: reader.TOCDigest(), Differences: []string{}}
	verifier, err := reader.VerifyTOC(reader.TOCDigest())
	switch {
	case err != nil && strings.Contains(err.Error(), "found twice"):
		found.SharedUnits = true
	case err != nil:
		return fmt.Errorf("%s: %w", *in, err)
	}
	for _, name := range slices.Sorted(maps.Keys(source)) {
		compare(reader, verifier, name, source, found)
	}
	if root, ok := reader.Lookup(""); ok {
		findStrangers(root, "", source, found)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		return err
	}
	if len(found.Differences) > 0 {
		return fmt.Errorf("%s: %d differences to %s, first: %s", *in, len(found.Differences), *layer, found.Differences[0])
	}
	return nil
}

// cleanPath is how the library names an entry.
func cleanPath(name string) string {
	return strings.TrimPrefix(path.Clean("/"+inJSON(name)), "/")
}

// inJSON is a text as a TOC keeps it: each byte that is not UTF-8 becomes U+FFFD.
func inJSON(text string) string {
	return string([]rune(text))
}

// readSource lists the last entry of each path of a layer.
func readSource(name string) (map[string]sourceEntry, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := decompress(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return nil, err
	}
	found := map[string]sourceEntry{}
	for archive := tar.NewReader(raw); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		content := digest.Canonical.Digester()
		if header.Typeflag == tar.TypeReg {
			if _, err := io.Copy(content.Hash(), archive); err != nil {
				return nil, err
			}
		}
		switch clean := cleanPath(header.Name); clean {
		case estargz.PrefetchLandmark, estargz.NoPrefetchLandmark, estargz.TOCTarName:
		default:
			found[clean] = sourceEntry{header, content.Digest()}
		}
	}
}

func decompress(raw *bufio.Reader) (io.Reader, error) {
	magic, _ := raw.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(raw)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstd.NewReader(raw)
	}
	return raw, nil
}

// compare holds one path of the source against the blob.
func compare(r *estargz.Reader, v estargz.TOCEntryVerifier, name string, source map[string]sourceEntry, found *checked) {
	want := source[name]
	got, ok := r.Lookup(name)
	if !ok {
		found.differ("%s: not in the blob", name)
		return
	}
	found.Entries++
	if want.header.Typeflag == tar.TypeLink {
		target, ok := r.Lookup(cleanPath(want.header.Linkname))
		if !ok || target != got {
			found.differ("%s: hard link does not lead to %s", name, want.header.Linkname)
		}
		return
	}
	compareHeader(got, want.header, name, found)
	if want.header.Typeflag == tar.TypeReg {
		compareContent(r, v, got, want, found)
	}
}

func compareHeader(got *estargz.TOCEntry, want *tar.Header, name string, found *checked) {
	kinds := map[byte]string{
		tar.TypeReg: "reg", tar.TypeSymlink: "symlink", tar.TypeDir: "dir",
		tar.TypeChar: "char", tar.TypeBlock: "block", tar.TypeFifo: "fifo",
	}
	link := ""
	if want.Typeflag == tar.TypeSymlink {
		link = want.Linkname
	}
	same := func(what string, got, want any) {
		if got != want {
			found.differ("%s: %s is %v, not %v", name, what, got, want)
		}
	}
	same("type", got.Type, kinds[want.Typeflag])
	same("mode", got.Mode, want.Mode)
	same("uid", got.UID, want.Uid)
	same("gid", got.GID, want.Gid)
	same("link", got.LinkName, inJSON(link))
	if want.Typeflag == tar.TypeChar || want.Typeflag == tar.TypeBlock {
		same("major", int64(got.DevMajor), want.Devmajor)
		same("minor", int64(got.DevMinor), want.Devminor)
	}
	if rounded := want.ModTime.Round(time.Second); want.ModTime.Unix() != 0 && !got.ModTime().Equal(rounded) {
		found.differ("%s: modified %v, not %v", name, got.ModTime(), rounded)
	}
	for key, value := range want.PAXRecords {
		if attribute, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
			same("attribute "+attribute, string(got.Xattrs[attribute]), value)
		}
	}
}

// compareContent reads a file chunk by chunk, holding each against its digest, and the whole against the source.
func compareContent(r *estargz.Reader, v estargz.TOCEntryVerifier, got *estargz.TOCEntry, want sourceEntry, found *checked) {
	found.Files++
	content, err := r.OpenFile(got.Name)
	if err != nil {
		found.differ("%s: %v", got.Name, err)
		return
	}
	whole := digest.Canonical.Digester()
	for offset := int64(0); offset < got.Size; {
		chunk, ok := r.ChunkEntryForOffset(got.Name, offset)
		if !ok || chunk.ChunkSize <= 0 {
			found.differ("%s: no chunk at %d", got.Name, offset)
			return
		}
		data := make([]byte, chunk.ChunkSize)
		if _, err := content.ReadAt(data, offset); err != nil && err != io.EOF {
			found.differ("%s: chunk at %d: %v", got.Name, offset, err)
			return
		}
		if digest.FromBytes(data).String() != chunk.ChunkDigest {
			found.differ("%s: chunk at %d does not have its digest", got.Name, offset)
		}
		if v != nil {
			if one, err := v.Verifier(chunk); err != nil {
				found.differ("%s: chunk at %d: %v", got.Name, offset, err)
			} else if _, err := one.Write(data); err != nil || !one.Verified() {
				found.differ("%s: chunk at %d is not verified", got.Name, offset)
			}
		}
		whole.Hash().Write(data)
		found.Chunks++
		offset += chunk.ChunkSize
	}
	found.Bytes += got.Size
	if whole.Digest() != want.content || got.Digest != want.content.String() {
		found.differ("%s: content is not that of the layer", got.Name)
	}
}

// findStrangers names what the blob has and the source has not; folders above a path need no entry.
func findStrangers(dir *estargz.TOCEntry, below string, source map[string]sourceEntry, found *checked) {
	dir.ForeachChild(func(base string, child *estargz.TOCEntry) bool {
		name := path.Join(below, base)
		_, known := source[name]
		landmark := name == estargz.PrefetchLandmark || name == estargz.NoPrefetchLandmark
		if !known && !landmark && child.Type != "dir" {
			found.differ("%s: not in the layer", name)
		}
		if child.Type == "dir" {
			findStrangers(child, name, source, found)
		}
		return true
	})
}
