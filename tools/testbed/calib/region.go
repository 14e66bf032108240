package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/pkg/reference"
	"github.com/containerd/stargz-snapshotter/fs/config"
	"github.com/containerd/stargz-snapshotter/fs/remote"
	"github.com/containerd/stargz-snapshotter/service/resolver"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Bytes of a region and how often each window is read with it: the snapshotter's default blob chunk_size most, and two
// more, to tell what a region costs from what a byte costs.
var regionSizes = []struct {
	size   int64
	rounds int
}{{50_000, 8}, {12_500, 4}, {200_000, 2}}

// serve answers every request with (ranges of) one file and reports its own handler time,
// so that a client can be charged for the rest: args FILE.
func serve(s settings) error {
	content, err := os.ReadFile(s.args[0])
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		if r.Method == http.MethodGet {
			fmt.Println(time.Since(begin).Seconds())
		}
	}))
}

// blobServer runs `serve` as its own process: client and server do not share a Go scheduler.
type blobServer struct {
	address string
	process *exec.Cmd
	lines   *bufio.Scanner
}

func startServer(work, file string) (*blobServer, error) {
	process := exec.Command(os.Args[0], "-work", work, "serve", file)
	process.Stderr = os.Stderr
	pipe, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(pipe)
	if !lines.Scan() {
		return nil, fmt.Errorf("blob server did not start")
	}
	return &blobServer{strings.TrimSpace(lines.Text()), process, lines}, nil
}

// serveLayer serves a blob whose requests nobody times: the server's reports flow away.
func serveLayer(work string, blob []byte) (*blobServer, error) {
	file := filepath.Join(work, "layer")
	if err := os.WriteFile(file, blob, 0o600); err != nil {
		return nil, err
	}
	server, err := startServer(work, file)
	if err != nil {
		return nil, err
	}
	go func() {
		for server.lines.Scan() {
		}
	}()
	return server, nil
}

// resolveBlob is the snapshotter's remote blob of what a server serves; its regions are stored in a folder.
func resolveBlob(address string, blob ocispec.Descriptor, regionSize int64, folder string) (remote.Blob, error) {
	name, err := reference.Parse(address + "/calibration:latest")
	if err != nil {
		return nil, err
	}
	store, err := directCache(folder)
	if err != nil {
		return nil, err
	}
	hosts := resolver.RegistryHostsFromConfig(resolver.Config{})
	return remote.NewResolver(config.BlobConfig{ChunkSize: regionSize}, nil).Resolve(
		context.Background(), hosts, name, blob, store)
}

// handlerSeconds waits for the server's own time for one GET.
func (b *blobServer) handlerSeconds() (seconds float64) {
	if b.lines.Scan() {
		fmt.Sscan(b.lines.Text(), &seconds)
	}
	return seconds
}

func (b *blobServer) stop() {
	b.process.Process.Kill()
	b.process.Wait()
}

// measureRegion times the snapshotter's remote blob over loopback: a read of 1 to 21 missing regions
// is one GET, then every region is written to the cache. "region_server" is the server's own part;
// "region_read" the same read again, when all of them are there.
func measureRegion(s settings) error {
	data, err := corpus(24 << 20)
	if err != nil {
		return err
	}
	file := filepath.Join(s.work, "blob")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	server, err := startServer(s.work, file)
	if err != nil {
		return err
	}
	defer server.stop()
	return readRegions(s, server, ocispec.Descriptor{Digest: digest.FromBytes(data), Size: int64(len(data))})
}

func readRegions(s settings, server *blobServer, served ocispec.Descriptor) error {
	for rep := range s.reps {
		for _, kind := range regionSizes {
			folder := filepath.Join(s.work, fmt.Sprintf("regions-%d-%d", rep, kind.size))
			blob, err := resolveBlob(server.address, served, kind.size, folder)
			if err != nil {
				return err
			}
			server.handlerSeconds() // the size probe, bytes 0-1
			if err := readWindows(server, blob, kind.size, kind.rounds); err != nil {
				return err
			}
			blob.Close()
		}
	}
	return nil
}

// readWindows reads windows of 1 to 21 regions, none of which is there, each twice.
func readWindows(server *blobServer, blob remote.Blob, regionSize int64, rounds int) error {
	offset := int64(0)
	for round := range rounds {
		for _, regions := range []int64{1, 2, 5, 10, 21} {
			if round > 0 && regions > 5 && round%2 == 1 {
				continue
			}
			window := make([]byte, regions*regionSize)
			begin := time.Now()
			if _, err := blob.ReadAt(window, offset); err != nil {
				return err
			}
			emit("region", regions*regionSize, regions, time.Since(begin).Seconds())
			emit("region_server", regions*regionSize, 1, server.handlerSeconds())
			begin = time.Now()
			if _, err := blob.ReadAt(window, offset); err != nil {
				return err
			}
			emit("region_read", regions*regionSize, regions, time.Since(begin).Seconds())
			offset += (regions + 1) * regionSize
		}
	}
	return nil
}
