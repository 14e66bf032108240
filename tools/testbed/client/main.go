// Command lazypull-client pulls an image through containerd's transfer service, creates and starts a
// container of it and waits for its end; it prints how long each phase took as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/transfer/image"
	"github.com/containerd/containerd/v2/core/transfer/registry"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/platforms"
)

// phases are instants of CLOCK_REALTIME in seconds (nginx logs the same clock); from one to the next is a phase.
type phases struct {
	Asked   float64 `json:"asked"`   // the pull is requested
	Pulled  float64 `json:"pulled"`  // the client says pulled
	Created float64 `json:"created"` // the container exists
	Started float64 `json:"started"` // Start has returned: the program runs
	Ended   float64 `json:"ended"`   // the client knows that it ended
	Status  uint32  `json:"status"`  // its exit status
}

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

type order struct {
	socket, namespace, reference, snapshotter string
	arguments                                 []string
}

func pull(ctx context.Context, client *containerd.Client, o order) (containerd.Image, error) {
	source, err := registry.NewOCIRegistry(ctx, o.reference, registry.WithDefaultScheme("http"))
	if err != nil {
		return nil, err
	}
	platform := platforms.DefaultSpec()
	store := image.NewStore(o.reference, image.WithPlatforms(platform), image.WithUnpack(platform, o.snapshotter))
	if err := client.Transfer(ctx, source, store); err != nil {
		return nil, err
	}
	return client.GetImage(ctx, o.reference)
}

func run(o order) (times phases, err error) {
	client, err := containerd.New(o.socket)
	if err != nil {
		return times, err
	}
	defer client.Close()
	ctx := namespaces.WithNamespace(context.Background(), o.namespace)
	times.Asked = now()
	pulled, err := pull(ctx, client, o)
	if err != nil {
		return times, err
	}
	times.Pulled = now()
	id := fmt.Sprint("run-", os.Getpid())
	spec := []oci.SpecOpts{oci.WithImageConfig(pulled)}
	if len(o.arguments) > 0 {
		spec = append(spec, oci.WithProcessArgs(o.arguments...))
	}
	container, err := client.NewContainer(ctx, id, containerd.WithImage(pulled), containerd.WithSnapshotter(o.snapshotter),
		containerd.WithNewSnapshot(id, pulled), containerd.WithNewSpec(spec...))
	if err != nil {
		return times, err
	}
	times.Created = now()
	task, err := container.NewTask(ctx, cio.NewCreator(cio.WithStreams(nil, os.Stderr, os.Stderr)))
	if err != nil {
		return times, err
	}
	ended, err := task.Wait(ctx)
	if err != nil {
		return times, err
	}
	if err := task.Start(ctx); err != nil {
		return times, err
	}
	times.Started = now()
	status := <-ended
	times.Ended = now()
	times.Status = status.ExitCode()
	if _, err := task.Delete(ctx); err != nil {
		return times, err
	}
	return times, container.Delete(ctx, containerd.WithSnapshotCleanup)
}

func main() {
	var o order
	flag.StringVar(&o.socket, "socket", "", "containerd's socket")
	flag.StringVar(&o.namespace, "namespace", "default", "containerd namespace")
	flag.StringVar(&o.reference, "image", "", "image reference")
	flag.StringVar(&o.snapshotter, "snapshotter", "overlayfs", "snapshotter")
	flag.Parse()
	o.arguments = flag.Args()
	times, err := run(o)
	if err != nil {
		fmt.Fprintf(os.Stderr, "lazypull-client: %v\n", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(times); err != nil {
		os.Exit(1)
	}
}
