package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/fs/config"
	"github.com/containerd/stargz-snapshotter/service"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

const labelPrefix = "containerd.io/snapshot/remote/stargz."

// The calibration tree: 40 folders of 50 small files, and some files of one whole chunk.
var (
	smallFiles = shape{"d", 2000, 600}
	bigFiles   = shape{"b", 4, 4 << 20}
)

// fileTree is the tar of the calibration tree.
func fileTree() ([]byte, error) {
	data, err := corpus(32 << 20)
	if err != nil {
		return nil, err
	}
	return tarOf(data, smallFiles, bigFiles)
}

// measureFUSE mounts a lazy layer with the snapshotter's own file system (served over loopback)
// and times operations from another process. "mount" is a second mount of a resolved layer.
func measureFUSE(s settings) error {
	raw, err := fileTree()
	if err != nil {
		return err
	}
	blob, tocDigest, err := lazyLayer(raw)
	if err != nil {
		return err
	}
	file := filepath.Join(s.work, "layer")
	if err := os.WriteFile(file, blob, 0o600); err != nil {
		return err
	}
	server, err := startServer(s.work, file)
	if err != nil {
		return err
	}
	defer server.stop()
	go func() { // let the server's reports flow away
		for server.lines.Scan() {
		}
	}()
	for rep := range s.reps {
		if err := mountAndRun(s, server.address, digest.FromBytes(blob).String(), tocDigest, rep); err != nil {
			return err
		}
	}
	return nil
}

func mountAndRun(s settings, address, layerDigest, tocDigest string, rep int) (err error) {
	ctx := context.Background()
	root := filepath.Join(s.work, fmt.Sprint("fuse-", rep))
	settings := service.Config{Config: config.Config{NoPrefetch: true, NoBackgroundFetch: true, NoPrometheus: true}}
	settings.DirectoryCacheConfig.Direct = true
	filesystem, err := service.NewFileSystem(ctx, root, &settings)
	if err != nil {
		return err
	}
	labels := map[string]string{
		labelPrefix + "reference":       address + "/calibration:latest",
		labelPrefix + "digest":          layerDigest,
		labelPrefix + "layers":          layerDigest,
		estargz.TOCJSONDigestAnnotation: tocDigest,
	}
	first := filepath.Join(root, "first")
	if err := timedMount(ctx, filesystem, first, labels, "mount_resolve"); err != nil {
		return err
	}
	defer filesystem.Unmount(ctx, first)
	if err := runIn(s, "fuse", first); err != nil {
		return err
	}
	for i := range 5 {
		again := filepath.Join(root, fmt.Sprint("again-", i))
		if err := timedMount(ctx, filesystem, again, labels, "mount"); err != nil {
			return err
		}
		defer filesystem.Unmount(ctx, again)
	}
	return nil
}

type mounter interface {
	Mount(ctx context.Context, mountpoint string, labels map[string]string) error
}

func timedMount(ctx context.Context, filesystem mounter, point string, labels map[string]string, measure string) error {
	if err := os.MkdirAll(point, 0o755); err != nil {
		return err
	}
	begin := time.Now()
	if err := filesystem.Mount(ctx, point, labels); err != nil {
		return err
	}
	emit(measure, 0, 1, time.Since(begin).Seconds())
	return nil
}

// measureLocal unpacks the same tree, puts it under overlayfs and times the same operations with
// the pages warm, as they are after an unpack.
func measureLocal(s settings) error {
	raw, err := fileTree()
	if err != nil {
		return err
	}
	blob, err := gzipped(raw, gzip.DefaultCompression)
	if err != nil {
		return err
	}
	for rep := range s.reps {
		root := filepath.Join(s.work, fmt.Sprint("local-", rep))
		for _, folder := range []string{"lower", "upper", "scratch", "merged"} {
			if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
				return err
			}
		}
		if err := applyLayer(filepath.Join(root, "lower"), blob); err != nil {
			return err
		}
		merged := filepath.Join(root, "merged")
		overlay := mount.Mount{Type: "overlay", Source: "overlay", Options: []string{
			"lowerdir=" + filepath.Join(root, "lower"), "upperdir=" + filepath.Join(root, "upper"), "workdir=" + filepath.Join(root, "scratch")}}
		if err := overlay.Mount(merged); err != nil {
			return err
		}
		err := runIn(s, "local", merged)
		if unmountErr := mount.UnmountAll(merged, 0); err == nil {
			err = unmountErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// runIn runs `ops` as a child process, since a FUSE server must not be its own client.
func runIn(s settings, label, folder string) error {
	child := exec.Command(os.Args[0], "-work", s.work, "ops", label, folder)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	return child.Run()
}

// runOps times lookups, directory listings and reads below a folder; args LABEL FOLDER.
// Each path is touched for the first time, so the kernel's own caches do not answer.
func runOps(s settings) error {
	label, root := s.args[0], s.args[1]
	var status unix.Stat_t
	for folder := range smallFiles.count / 50 {
		parent := filepath.Join(root, filepath.Dir(smallFiles.name(folder*50)))
		if err := unix.Lstat(parent, &status); err != nil {
			return err
		}
		begin := time.Now()
		for i := folder * 50; i < folder*50+50; i++ {
			if err := unix.Lstat(filepath.Join(root, smallFiles.name(i)), &status); err != nil {
				return err
			}
		}
		emit(label+"_lookup", 0, 50, time.Since(begin).Seconds()/50)
		begin = time.Now()
		if _, err := fs.ReadDir(os.DirFS(parent), "."); err != nil {
			return err
		}
		emit(label+"_readdir", 0, 50, time.Since(begin).Seconds())
	}
	if label == "fuse" {
		if err := timeTransport(root); err != nil {
			return err
		}
	}
	for i := range bigFiles.count {
		if err := readFile(label, filepath.Join(root, bigFiles.name(i))); err != nil {
			return err
		}
	}
	return nil
}

// timeTransport times statfs, which a FUSE server answers from nothing: what is left is the way to
// it and back, two switches between processes.
func timeTransport(root string) error {
	var status unix.Statfs_t
	for range 20 {
		begin := time.Now()
		for range 50 {
			if err := unix.Statfs(root, &status); err != nil {
				return err
			}
		}
		emit("fuse_transport", 0, 50, time.Since(begin).Seconds()/50)
	}
	return nil
}

// readFile times reads of several sizes, each of them one request to the file system: read-ahead is
// off (random advice) and a FUSE file's pages are dropped first. The chunk is in the client's cache.
func readFile(label, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	window := make([]byte, 128<<10)
	if _, err := file.ReadAt(window, 0); err != nil { // brings the chunk in
		return err
	}
	descriptor := int(file.Fd())
	if err := unix.Fadvise(descriptor, 0, 0, unix.FADV_RANDOM); err != nil {
		return err
	}
	for _, size := range []int{4 << 10, 32 << 10, 128 << 10} {
		if label == "fuse" {
			if err := unix.Fadvise(descriptor, 0, 0, unix.FADV_DONTNEED); err != nil {
				return err
			}
		}
		begin := time.Now()
		for i := range 16 {
			if _, err := unix.Pread(descriptor, window[:size], int64(i*256<<10)); err != nil {
				return err
			}
		}
		emit(label+"_read", int64(size), 1, time.Since(begin).Seconds()/16)
	}
	return nil
}
