package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/stargz-snapshotter/estargz"
)

// corpus reads the Go distribution's binaries and sources up to size bytes: data that
// compresses like a real image (about 2.5 : 1), at hand wherever this program was built.
func corpus(size int) ([]byte, error) {
	data := make([]byte, 0, size)
	root := os.Getenv("CALIB_CORPUS")
	if root == "" {
		root = runtime.GOROOT()
	}
	for _, folder := range []string{"bin", "src"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			if len(data) >= size {
				return filepath.SkipAll
			}
			content, err := os.ReadFile(path)
			if folder == "bin" && len(content) > size/2 { // half binary, half text
				content = content[:size/2]
			}
			data = append(data, content...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(data) < size {
		return nil, fmt.Errorf("only %d of %d corpus bytes below %s; set CALIB_CORPUS to a Go distribution", len(data), size, root)
	}
	return data[:size], nil
}

// shape is a group of equal files: 50 to a folder, folders named by a prefix and a number.
type shape struct {
	prefix string
	count  int
	size   int // bytes
}

func (s shape) name(i int) string { return fmt.Sprintf("%s%04d/f%06d", s.prefix, i/50, i) }

func (s shape) content(data []byte, i int) []byte {
	start := (i * 7919 * 512) % (len(data) - s.size + 1)
	return data[start : start+s.size]
}

// group is files of one shape and the data their contents are cut from.
type group struct {
	shape
	data []byte
}

// content kinds, by the first letter of their folders: text and binaries of the Go distribution, and lines
// that repeat.
type contentKinds struct{ corpus, lines []byte }

func contents() (kinds contentKinds, err error) {
	const size = 16 << 20
	if kinds.corpus, err = corpus(size); err != nil {
		return kinds, err
	}
	for i := 0; len(kinds.lines) < size; i++ {
		kinds.lines = fmt.Appendf(kinds.lines, "%d: the same line again and again, but for its number\n", i)
	}
	return kinds, nil
}

// touchGroups are files of one chunk, up to as large as a chunk is by default.
func touchGroups(kinds contentKinds) (groups []group) {
	for _, kind := range []struct {
		name string
		data []byte
	}{{"corpus", kinds.corpus}, {"lines", kinds.lines}} {
		for _, each := range []struct{ count, size int }{{8, 512 << 10}, {8, 1 << 20}, {8, 2 << 20}, {6, 4 << 20}} {
			groups = append(groups, group{shape{fmt.Sprint(kind.name, each.size>>10, "-"), each.count, each.size}, kind.data})
		}
	}
	return groups
}

// tarOf writes files of the given shapes, their contents cut from different places of data.
func tarOf(data []byte, shapes ...shape) ([]byte, error) {
	groups := make([]group, len(shapes))
	for i, each := range shapes {
		groups[i] = group{each, data}
	}
	return tarOfGroups(groups...)
}

func tarOfGroups(groups ...group) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, each := range groups {
		for i := range each.count {
			if err := addFile(writer, each.data, each.shape, i); err != nil {
				return nil, err
			}
		}
	}
	err := writer.Close()
	return buffer.Bytes(), err
}

func addFile(writer *tar.Writer, data []byte, group shape, i int) error {
	if i%50 == 0 {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: filepath.Dir(group.name(i)) + "/", Mode: 0o755}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: group.name(i), Mode: 0o644, Size: int64(group.size)}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err := writer.Write(group.content(data, i))
	return err
}

func gzipped(data []byte, level int) ([]byte, error) {
	var buffer bytes.Buffer
	writer, err := gzip.NewWriterLevel(&buffer, level)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(data); err != nil {
		return nil, err
	}
	err = writer.Close() // flushes into buffer: first close, then take the bytes
	return buffer.Bytes(), err
}

// lazyLayer converts a tar as the published library does by default: 4 MiB chunks.
func lazyLayer(raw []byte) (blob []byte, tocDigest string, err error) {
	built, err := estargz.Build(io.NewSectionReader(bytes.NewReader(raw), 0, int64(len(raw))))
	if err != nil {
		return nil, "", err
	}
	defer built.Close()
	blob, err = io.ReadAll(built)
	return blob, built.TOCDigest().String(), err
}
