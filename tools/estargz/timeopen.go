package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"time"

	"github.com/containerd/stargz-snapshotter/estargz"
)

type timed struct {
	Open    []int64             `json:"open_ns"`
	Find    []int64             `json:"find_ns"` // from the same start until a chunk is found
	Entries map[string]seenFile `json:"entries,omitempty"`
}

type seenFile struct {
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"` // of the first chunk of a regular file in the blob
}

// timeOpen measures the reference library's Open (footer, TOC, maps of files and chunks) and one look-up of a chunk.
// The collector runs between the turns, so that none pays for the garbage of another.
func timeOpen(args []string) error {
	f := flag.NewFlagSet("time-open", flag.ExitOnError)
	in := f.String("in", "", "eStargz blob")
	find := f.String("find", "", "path of a regular file whose first chunk is looked up")
	times := f.Int("times", 1, "how often to open it")
	list := f.Bool("list", false, "tell what it holds, too")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *in == "" || *find == "" || *times < 1 {
		return errors.New("time-open needs -in BLOB, -find PATH and -times of 1 or more")
	}
	file, size, err := openBlob(*in)
	if err != nil {
		return err
	}
	defer file.Close()
	out := timed{Open: make([]int64, *times), Find: make([]int64, *times)}
	for turn := range *times {
		runtime.GC()
		start := time.Now()
		reader, err := estargz.Open(io.NewSectionReader(file, 0, size))
		out.Open[turn] = time.Since(start).Nanoseconds()
		if err != nil {
			return fmt.Errorf("%s: %w", *in, err)
		}
		_, ok := reader.ChunkEntryForOffset(*find, 0)
		out.Find[turn] = time.Since(start).Nanoseconds()
		if !ok {
			return fmt.Errorf("%s: no chunk of %s", *in, *find)
		}
		if *list && turn == 0 {
			out.Entries = map[string]seenFile{}
			listBelow(reader, "", out.Entries)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func listBelow(reader *estargz.Reader, dir string, into map[string]seenFile) {
	entry, _ := reader.Lookup(dir)
	entry.ForeachChild(func(base string, child *estargz.TOCEntry) bool {
		name := path.Join(dir, base)
		into[name] = seenFile{child.Type, child.Size, child.Offset}
		if child.Type == "dir" {
			listBelow(reader, name, into)
		}
		return true
	})
}
