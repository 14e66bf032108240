package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/containerd/stargz-snapshotter/estargz"
)

// timeOpen measures the reference library's Open alone: footer, TOC, and its maps of files and chunks.
// The collector runs between the turns, so that none pays for the garbage of another.
func timeOpen(args []string) error {
	f := flag.NewFlagSet("time-open", flag.ExitOnError)
	in := f.String("in", "", "eStargz blob")
	times := f.Int("times", 1, "how often to open it")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *in == "" || *times < 1 {
		return errors.New("time-open needs -in BLOB and -times of 1 or more")
	}
	file, size, err := openBlob(*in)
	if err != nil {
		return err
	}
	defer file.Close()
	taken := make([]int64, *times)
	for turn := range taken {
		runtime.GC()
		start := time.Now()
		reader, err := estargz.Open(io.NewSectionReader(file, 0, size))
		taken[turn] = time.Since(start).Nanoseconds()
		if err != nil {
			return fmt.Errorf("%s: %w", *in, err)
		}
		runtime.KeepAlive(reader)
	}
	return json.NewEncoder(os.Stdout).Encode(taken)
}
