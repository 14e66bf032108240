// Command lazypull-client pulls an image through containerd's transfer service, creates and starts a
// container of it and waits until it is ready; it prints when each phase ended as one JSON object.
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
	"golang.org/x/sys/unix"
)

// phases are instants of CLOCK_REALTIME in seconds (nginx logs the same clock); from one to the next is a phase.
type phases struct {
	Asked   float64 `json:"asked"`   // the pull is requested
	Pulled  float64 `json:"pulled"`  // the client says pulled
	Created float64 `json:"created"` // the container exists
	Started float64 `json:"started"` // Start has returned: the program runs
	Ready   float64 `json:"ready"`   // the readiness rule holds
	Status  uint32  `json:"status"`  // exit status where exit is the rule, else 0
}

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

type order struct {
	socket, namespace, reference, snapshotter, rule string
	arguments                                       []string
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
	if err := start(ctx, container, o.rule, &times); err != nil {
		return times, err
	}
	return times, container.Delete(ctx, containerd.WithSnapshotCleanup)
}

// start runs the container until it is ready, then ends it if it has not ended itself.
func start(ctx context.Context, container containerd.Container, rule string, times *phases) error {
	output, probe, err := watch(rule)
	if err != nil {
		return err
	}
	task, err := container.NewTask(ctx, cio.NewCreator(cio.WithStreams(nil, output, output)))
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
	times.Started = now()
	if probe != nil {
		probe(task.Pid())
	}
	select {
	case times.Ready = <-output.ready:
		if err := task.Kill(ctx, unix.SIGKILL); err != nil {
			return err
		}
		<-ended
	case status := <-ended:
		times.Ready, times.Status = now(), status.ExitCode()
		if rule != "exit" {
			return fmt.Errorf("the container ended with status %d before it was ready", times.Status)
		}
	}
	_, err = task.Delete(ctx)
	return err
}

func main() {
	var o order
	flag.StringVar(&o.socket, "socket", "", "containerd's socket")
	flag.StringVar(&o.namespace, "namespace", "default", "containerd namespace")
	flag.StringVar(&o.reference, "image", "", "image reference")
	flag.StringVar(&o.snapshotter, "snapshotter", "overlayfs", "snapshotter")
	flag.StringVar(&o.rule, "ready", "exit", "readiness rule")
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
