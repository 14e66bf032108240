package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	markPrefix = "lazypull-mark "     // a line of output that starts so is a mark
	probeEvery = 2 * time.Millisecond // the recorder's own interval
)

// watcher passes a container's output on and notes when a rule about lines first held.
type watcher struct {
	pattern *regexp.Regexp // nil: lines do not matter
	ready   chan float64   // gets one instant
	mutex   sync.Mutex
	partial []byte
	done    bool
}

// Write takes output of the container, stdout and stderr alike.
func (w *watcher) Write(data []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.partial = append(w.partial, data...)
	for {
		line, rest, found := bytes.Cut(w.partial, []byte("\n"))
		if !found {
			break
		}
		w.partial = rest
		if w.pattern != nil && !w.done && w.pattern.Match(line) {
			w.done = true
			w.ready <- now()
		}
	}
	return os.Stderr.Write(data)
}

// watch prepares a readiness rule: exit, line:REGEX, mark:NAME, tcp:PORT or http:PORT/PATH. The
// returned probe is started with the task's process id; it is nil where output or exit decide.
func watch(rule string) (output *watcher, probe func(pid uint32), err error) {
	output = &watcher{ready: make(chan float64, 1)}
	kind, argument, _ := strings.Cut(rule, ":")
	switch kind {
	case "exit":
		return output, nil, nil
	case "line":
		output.pattern, err = regexp.Compile(argument)
		return output, nil, err
	case "mark":
		output.pattern, err = regexp.Compile("^" + regexp.QuoteMeta(markPrefix+argument) + "\\s*$")
		return output, nil, err
	case "tcp", "http":
		return output, func(pid uint32) { go probeUntil(pid, kind, argument, output.ready) }, nil
	}
	return nil, nil, fmt.Errorf("readiness %q: use exit, line:REGEX, mark:NAME, tcp:PORT or http:PORT/PATH", rule)
}

// probeUntil asks in the container's own network namespace, on a thread that never leaves it again.
func probeUntil(pid uint32, kind, argument string, ready chan<- float64) {
	runtime.LockOSThread()
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return
	}
	port, path, _ := strings.Cut(argument, "/")
	for !answers("127.0.0.1:"+port, kind, "/"+path) {
		time.Sleep(probeEvery)
	}
	ready <- now()
}

func answers(address, kind, path string) bool {
	connection, err := net.DialTimeout("tcp4", address, time.Second)
	if err != nil {
		return false
	}
	defer connection.Close()
	if kind == "tcp" {
		return true
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		Dial:              func(string, string) (net.Conn, error) { return connection, nil },
	}, Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + address + path)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
