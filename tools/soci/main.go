// Command soci drives SOCI's own builder: it prints the spans of a gzip layer and the size of its zTOC.
// The Python reader is tested against it. It needs zlib's static library (Debian: zlib1g-dev).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/awslabs/soci-snapshotter/ztoc"
	"github.com/awslabs/soci-snapshotter/ztoc/compression"
)

const buildTool = "AWS SOCI CLI v0.2" // what the soci command writes into a zTOC

// facts are spans as rows of compressed start, compressed end and uncompressed start, and the zTOC's size.
type facts struct {
	Spans    [][3]int64 `json:"spans"`
	ZtocSize int64      `json:"ztoc_size"`
}

func main() {
	in := flag.String("in", "", "gzip layer")
	span := flag.Int64("span-size", 1<<22, "uncompressed bytes between the starts of spans")
	flag.Parse()
	found, err := describe(*in, *span)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soci:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, "soci:", err)
		os.Exit(1)
	}
}

func describe(path string, span int64) (*facts, error) {
	built, err := ztoc.NewBuilder(buildTool).BuildZtoc(path, span)
	if err != nil {
		return nil, err
	}
	_, descriptor, err := ztoc.Marshal(built)
	if err != nil {
		return nil, err
	}
	info, err := built.Zinfo()
	if err != nil {
		return nil, err
	}
	defer info.Close()
	found := &facts{ZtocSize: descriptor.Size}
	for id := compression.SpanID(0); id <= info.MaxSpanID(); id++ {
		found.Spans = append(found.Spans, [3]int64{
			int64(info.StartCompressedOffset(id)),
			int64(info.EndCompressedOffset(id, built.CompressedArchiveSize)),
			int64(info.StartUncompressedOffset(id)),
		})
	}
	return found, nil
}
