// Command calib runs the un-instrumented micro-measurements behind a lazypull host file.
//
// Each measure prints JSON lines {"measure", "bytes", "files", "packed", "seconds"} on stdout, one a
// repetition; statistics and the host file are made by sim/testbed/calibrate.py. The inputs are
// synthetic calibration inputs, made of the files of the Go distribution: never of a workload.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
)

// sample is one timed repetition: how much work it was and how long it took.
type sample struct {
	Measure string  `json:"measure"`
	Bytes   int64   `json:"bytes"`
	Files   int64   `json:"files"`
	Packed  int64   `json:"packed"` // compressed bytes, where they matter
	Seconds float64 `json:"seconds"`
}

// settings are shared by all measures.
type settings struct {
	work string // a folder for caches, layers and mount points, on the disk under test
	reps int    // repetitions of each size
	args []string
}

var measures = map[string]func(settings) error{
	"hash":    measureHash,    // sha256
	"region":  measureRegion,  // HTTP range → region cache → reader
	"ahead":   measureAhead,   // a prefetch's bytes → chunk cache, on all cores
	"fuse":    measureFUSE,    // operations on a mounted lazy layer, first touches among them
	"local":   measureLocal,   // the same operations on an unpacked layer under overlayfs
	"runtime": measureRuntime, // containerd + runc: start, exit
	"decode":  decodeAhead,    // helper: one prefetch decoded
	"serve":   serve,          // helper: a blob over HTTP
	"ops":     runOps,         // helper: timed file operations below a folder
}

var encoder = json.NewEncoder(os.Stdout)

func emit(measure string, bytes, files int64, seconds float64) {
	emitPacked(measure, bytes, files, 0, seconds)
}

func emitPacked(measure string, bytes, files, packed int64, seconds float64) {
	if err := encoder.Encode(sample{measure, bytes, files, packed, seconds}); err != nil {
		panic(err)
	}
}

func main() {
	work := flag.String("work", "", "folder for caches, layers and mount points")
	reps := flag.Int("reps", 5, "repetitions of each size")
	flag.Parse()
	run, known := measures[flag.Arg(0)]
	if !known || *work == "" {
		names := make([]string, 0, len(measures))
		for name := range measures {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: calib -work DIR [-reps N] {%s} [...]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	if err := run(settings{work: *work, reps: *reps, args: flag.Args()[1:]}); err != nil {
		fmt.Fprintf(os.Stderr, "calib %s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}
