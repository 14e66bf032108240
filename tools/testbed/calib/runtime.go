package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
)

// measureRuntime times a running containerd through its client: args SOCKET PROGRAM NODE..., where
// PROGRAM is a static one that prints CLOCK_MONOTONIC at its first and at its last instruction, and
// NODE are the node's own programs. As in a measured run, these are in memory and all else is cold.
func measureRuntime(s settings) error {
	client, err := containerd.New(s.args[0])
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := namespaces.WithNamespace(context.Background(), "calibration")
	image, err := importImage(ctx, client, s.args[1])
	if err != nil {
		return err
	}
	for rep := range s.reps {
		if err := coolDown(s.args[2:]); err != nil {
			return err
		}
		if err := timeContainer(ctx, client, image, rep); err != nil {
			return err
		}
	}
	return nil
}

// coolDown drops the page cache and reads the node's programs again.
func coolDown(programs []string) error {
	if err := dropCaches(); err != nil {
		return err
	}
	for _, program := range programs {
		if _, err := os.ReadFile(program); err != nil {
			return err
		}
	}
	return nil
}

func importImage(ctx context.Context, client *containerd.Client, program string) (containerd.Image, error) {
	archive, err := imageArchive(program)
	if err != nil {
		return nil, err
	}
	imported, err := client.Import(ctx, bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	image := containerd.NewImage(client, imported[0])
	return image, image.Unpack(ctx, "overlayfs")
}

// imageArchive packs one static program as a single-layer OCI archive.
func imageArchive(program string) ([]byte, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	layer, err := tarFiles(map[string][]byte{"program": content})
	if err != nil {
		return nil, err
	}
	blobs := map[string][]byte{}
	add := func(mediaType string, data []byte) ocispec.Descriptor {
		descriptor := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		blobs["blobs/sha256/"+descriptor.Digest.Encoded()] = data
		return descriptor
	}
	config, err := json.Marshal(ocispec.Image{
		Platform: ocispec.Platform{Architecture: "amd64", OS: "linux"},
		Config:   ocispec.ImageConfig{Cmd: []string{"/program"}},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: add(ocispec.MediaTypeImageConfig, config),
		Layers: []ocispec.Descriptor{add(ocispec.MediaTypeImageLayer, layer)},
	})
	if err != nil {
		return nil, err
	}
	descriptor := add(ocispec.MediaTypeImageManifest, manifest)
	descriptor.Annotations = map[string]string{"io.containerd.image.name": "localhost/calibration:latest"}
	index, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []ocispec.Descriptor{descriptor}})
	if err != nil {
		return nil, err
	}
	blobs["index.json"] = index
	blobs["oci-layout"] = []byte(`{"imageLayoutVersion":"1.0.0"}`)
	return tarFiles(blobs)
}

func tarFiles(files map[string][]byte) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for name, data := range files {
		if err := writer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			return nil, err
		}
		if _, err := writer.Write(data); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return buffer.Bytes(), err
}

func timeContainer(ctx context.Context, client *containerd.Client, image containerd.Image, rep int) error {
	id := fmt.Sprint("calibration-", rep)
	container, err := client.NewContainer(ctx, id, containerd.WithImage(image), containerd.WithSnapshotter("overlayfs"),
		containerd.WithNewSnapshot(id, image), containerd.WithNewSpec(oci.WithImageConfig(image)))
	if err != nil {
		return err
	}
	defer container.Delete(ctx, containerd.WithSnapshotCleanup)
	started := monotonic()
	var output bytes.Buffer
	task, err := container.NewTask(ctx, cio.NewCreator(cio.WithStreams(nil, &output, os.Stderr)))
	if err != nil {
		return err
	}
	ended, err := task.Wait(ctx)
	if err != nil {
		return err
	}
	if err := task.Start(ctx); err != nil {
		return err
	}
	startCall := monotonic() - started
	<-ended
	known := monotonic()
	if _, err := task.Delete(ctx); err != nil {
		return err
	}
	first, last, err := instants(output.String())
	if err != nil {
		return err
	}
	emit("start", 0, 1, first-started)
	emit("start_call", 0, 1, startCall)
	emit("exit", 0, 1, known-last)
	emit("task_delete", 0, 1, monotonic()-known)
	return nil
}

func monotonic() float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return float64(now.Sec) + float64(now.Nsec)/1e9
}

func instants(output string) (first, last float64, err error) {
	fields := strings.Fields(output)
	if len(fields) != 2 {
		return 0, 0, fmt.Errorf("the container printed %q, not two instants", output)
	}
	if first, err = strconv.ParseFloat(fields[0], 64); err != nil {
		return 0, 0, err
	}
	last, err = strconv.ParseFloat(fields[1], 64)
	return first, last, err
}
