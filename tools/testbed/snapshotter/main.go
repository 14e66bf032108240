// Command lazypull-stargz serves the published stargz snapshotter library as a containerd proxy
// plugin: lazypull-stargz CONFIG.json ROOT SOCKET.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	"github.com/containerd/log"
	"github.com/containerd/stargz-snapshotter/service"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
)

// logFinely makes the log say when each layer was resolved and mounted, with fractions of a second.
func logFinely() error {
	if err := log.SetFormat(log.JSONFormat); err != nil {
		return err
	}
	return log.SetLevel("debug")
}

func run(configPath, root, socket string) error {
	raw, err := os.ReadFile(configPath)
	if err != nil {
		return err
	}
	if err := logFinely(); err != nil {
		return err
	}
	var config service.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return err
	}
	snapshotter, err := service.NewStargzSnapshotterService(context.Background(), root, &config)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	snapshotsapi.RegisterSnapshotsServer(server, snapshotservice.FromSnapshotter(snapshotter))
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	go func() {
		<-stop
		server.Stop()
	}()
	served := server.Serve(listener)
	if err := snapshotter.Close(); err != nil { // unmounts every lazy layer
		return err
	}
	return served
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: lazypull-stargz CONFIG.json ROOT SOCKET")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintf(os.Stderr, "lazypull-stargz: %v\n", err)
		os.Exit(1)
	}
}
