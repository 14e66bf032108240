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

// lazyTree is the tar of a lazy layer: the calibration tree and, behind it, the files to be touched first.
func lazyTree() ([]byte, error) {
	data, err := corpus(32 << 20)
	if err != nil {
		return nil, err
	}
	kinds, err := contents()
	if err != nil {
		return nil, err
	}
	return tarOfGroups(append([]group{{smallFiles, data}, {bigFiles, data}}, touchGroups(kinds)...)...)
}

// measureFUSE mounts a lazy layer with the snapshotter's own file system (served over loopback)
// and times operations from another process. "mount" is a second mount of a resolved layer.
func measureFUSE(s settings) error {
	raw, err := lazyTree()
	if err != nil {
		return err
	}
	blob, tocDigest, err := lazyLayer(raw)
	if err != nil {
		return err
	}
	server, err := serveLayer(s.work, blob)
	if err != nil {
		return err
	}
	defer server.stop()
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
	before := processorTime()
	if err := runIn(s, "touch", first); err != nil {
		return err
	}
	emit("touch_processor", 0, 1, processorTime()-before)
	for i := range 5 {
		again := filepath.Join(root, fmt.Sprint("again-", i))
		if err := timedMount(ctx, filesystem, again, labels, "mount"); err != nil {
			return err
		}
		defer filesystem.Unmount(ctx, again)
	}
	return nil
}

// processorTime is what this process has used on all cores, seconds: more than its work took where a collector runs
// beside it.
func processorTime() float64 {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
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
	if label == "touch" {
		return touchFiles(root)
	}
	var status unix.Stat_t
	for folder := range smallFiles.count / 50 {
		parent := filepath.Join(root, filepath.Dir(smallFiles.name(folder*50)))
		if err := unix.Lstat(parent, &status); err != nil {
			return err
		}
		took := time.Duration(0)
		for i := folder * 50; i < folder*50+50; i++ {
			path := filepath.Join(root, smallFiles.name(i))
			compute()
			begin := time.Now()
			if err := unix.Lstat(path, &status); err != nil {
				return err
			}
			took += time.Since(begin)
		}
		emit(label+"_lookup", 0, 50, took.Seconds()/50)
		compute()
		begin := time.Now()
		if _, err := fs.ReadDir(os.DirFS(parent), "."); err != nil {
			return err
		}
		emit(label+"_readdir", 0, 50, time.Since(begin).Seconds())
	}
	for i := range bigFiles.count {
		if err := readFile(label, filepath.Join(root, bigFiles.name(i))); err != nil {
			return err
		}
	}
	return nil
}

// touchFiles times the first read of files of one chunk each: request, inflate, hash and cache write, and the way
// through the kernel. Between two touches the cores rest, as they do in a start that waits for its reads.
func touchFiles(root string) error {
	kinds, err := contents()
	if err != nil {
		return err
	}
	window := make([]byte, 4<<10)
	for _, files := range touchGroups(kinds) {
		members, err := membersOf(files)
		if err != nil {
			return err
		}
		for i, member := range members {
			file, err := os.Open(filepath.Join(root, files.name(i)))
			if err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond)
			begin := time.Now()
			_, err = unix.Pread(int(file.Fd()), window, 0)
			emitPacked("touch", int64(files.size), 1, int64(len(member)), time.Since(begin).Seconds())
			file.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// compute lets some time pass as a workload that computes between its operations: long enough for the core of a file
// system's server to fall idle, which makes the next way to it longer.
func compute() {
	for begin := time.Now(); time.Since(begin) < 150*time.Microsecond; {
	}
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
		if label != "local" {
			if err := unix.Fadvise(descriptor, 0, 0, unix.FADV_DONTNEED); err != nil {
				return err
			}
		}
		took := time.Duration(0)
		for i := range 16 {
			compute()
			begin := time.Now()
			if _, err := unix.Pread(descriptor, window[:size], int64(i*256<<10)); err != nil {
				return err
			}
			took += time.Since(begin)
		}
		emit(label+"_read", int64(size), 1, took.Seconds()/16)
	}
	return nil
}
