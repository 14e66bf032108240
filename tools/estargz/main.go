// Command estargz drives the reference eStargz library: it converts a layer and
// dumps how the library reads a blob. The Python reader is tested against it.
package main

import (
	"fmt"
	"os"
)

const usage = `usage: estargz convert -in LAYER -out BLOB [options]   make an eStargz or zstd:chunked blob, print facts as JSON
       estargz dump -in BLOB                           print what the reference reader sees, JSON lines
       estargz check -in BLOB -layer LAYER [-toc TOC]  verify a blob and compare it to its source, print a report as JSON
       estargz time-open -in BLOB -find PATH [-times N] [-list]   print how long opening took, nanoseconds as JSON
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "estargz:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	switch args[0] {
	case "convert":
		return convert(args[1:])
	case "dump":
		return dump(args[1:])
	case "check":
		return check(args[1:])
	case "time-open":
		return timeOpen(args[1:])
	}
	return fmt.Errorf("unknown command %q; use convert, dump, check or time-open", args[0])
}

// openBlob opens a file and gives its size.
func openBlob(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}
