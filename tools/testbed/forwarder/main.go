// Command lazypull-forwarder is a link between two TUN devices: it holds each packet for half a
// round trip and spaces packets for a rate, so that handshakes, slow start and windows stay the
// kernel's own. Usage: lazypull-forwarder SETTINGS.json DEVICE DEVICE. SIGHUP reads the settings anew.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	vnetHeader     = 10      // bytes: struct virtio_net_hdr before each packet
	gsoSizeAt      = 4       // offset of gso_size in it, little endian
	gsoTypeAt      = 1       // offset of gso_type; 0 = the packet is one segment
	ethernetHeader = 14      // bytes a segment would carry besides IP and TCP
	ipTCPHeader    = 20 + 32 // IPv4 + TCP with time stamps, what every segment repeats
	maxPacket      = 65535 + vnetHeader
	ahead          = 200 * time.Microsecond // how long before its turn a packet may be taken: fewer wake-ups
	offloads       = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
)

// settings of the link, the same in both directions. Zero means: no rate, no delay, no queue limit.
type settings struct {
	RateBytesS float64 `json:"rate_bytes_s"` // on the wire
	RTTS       float64 `json:"rtt_s"`
	QueueBytes float64 `json:"queue_bytes"` // packets beyond are dropped, as a router's queue does; 0 = none is
	Cut        bool    `json:"cut"`         // carry nothing
}

type packet struct {
	data []byte
	due  time.Time
}

func readSettings(path string) (*settings, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var read settings
	return &read, json.Unmarshal(raw, &read)
}

// openTUN creates a device in this network namespace; it lives as long as this process.
func openTUN(name string) (*os.File, error) {
	descriptor, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(descriptor, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := unix.IoctlSetInt(descriptor, unix.TUNSETOFFLOAD, offloads); err != nil {
		return nil, fmt.Errorf("%s: offload: %w", name, err)
	}
	return os.NewFile(uintptr(descriptor), name), nil
}

// wireBytes is what a packet would weigh on an Ethernet: large packets are cut into segments there.
func wireBytes(data []byte) float64 {
	length := len(data) - vnetHeader
	if data[gsoTypeAt] == 0 {
		return float64(length + ethernetHeader)
	}
	size := int(binary.LittleEndian.Uint16(data[gsoSizeAt:]))
	payload := length - ipTCPHeader
	segments := (payload + size - 1) / size
	return float64(payload + segments*(ipTCPHeader+ethernetHeader))
}

// receive reads packets and queues them for the link.
func receive(from *os.File, queue *fairQueue, current *atomic.Pointer[settings]) error {
	buffer := make([]byte, maxPacket)
	for {
		length, err := from.Read(buffer)
		if err != nil {
			return err
		}
		queue.put(append([]byte(nil), buffer[:length]...), current.Load().QueueBytes)
	}
}

// transmit sends one packet after the other over the link: each takes its time at the rate, and then half a round trip.
// A cut link loses them all, also those that had waited for their turn.
func transmit(queue *fairQueue, sent chan<- packet, current *atomic.Pointer[settings]) {
	punctual()
	var free time.Time // when the link has sent everything taken so far
	for {
		data := queue.take()
		link, now := current.Load(), time.Now()
		if link.Cut {
			continue
		}
		if free.Before(now) {
			free = now
		}
		if link.RateBytesS > 0 {
			free = free.Add(time.Duration(wireBytes(data) / link.RateBytesS * float64(time.Second)))
		}
		sent <- packet{data, free.Add(time.Duration(link.RTTS / 2 * float64(time.Second)))}
		if time.Until(free) > ahead { // whatever arrives meanwhile gets its turn
			sleepUntil(free.Add(-ahead))
		}
	}
}

// deliver writes each packet when it is due; the order is the order of arrival.
func deliver(to *os.File, queue <-chan packet) {
	punctual()
	for next := range queue {
		sleepUntil(next.due)
		_, _ = to.Write(next.data) // a full receiver drops, as on any link
	}
}

// punctual lets this goroutine's timers be at most 1 ns late, not the usual 50 µs.
func punctual() {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// sleepUntil is finer than time.Sleep, whose runtime timer adds up to a millisecond on an idle machine.
func sleepUntil(due time.Time) {
	for wait := time.Until(due); wait > 0; wait = time.Until(due) {
		span := unix.NsecToTimespec(wait.Nanoseconds())
		_ = unix.Nanosleep(&span, nil)
	}
}

func run(path string, names []string) error {
	var current atomic.Pointer[settings]
	first, err := readSettings(path)
	if err != nil {
		return err
	}
	current.Store(first)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, unix.SIGHUP)
	go func() {
		for range reload {
			if changed, err := readSettings(path); err == nil {
				current.Store(changed)
			} else {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	var devices [2]*os.File
	for i, name := range names {
		if devices[i], err = openTUN(name); err != nil {
			return err
		}
	}
	failed := make(chan error, 2)
	for i := range devices {
		queue, sent := newFairQueue(), make(chan packet, 1<<16)
		go transmit(queue, sent, &current)
		go deliver(devices[1-i], sent)
		go func() { failed <- receive(devices[i], queue, &current) }()
	}
	return <-failed
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: lazypull-forwarder SETTINGS.json DEVICE DEVICE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "lazypull-forwarder: %v\n", err)
		os.Exit(1)
	}
}
