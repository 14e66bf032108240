// Command firstinstr prints CLOCK_MONOTONIC at its first and at its last instruction: the floor of
// any workload. The clock is the machine's, the same inside and outside a container.
package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func monotonic() float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return float64(now.Sec) + float64(now.Nsec)/1e9
}

func main() {
	first := monotonic()
	fmt.Printf("%.9f %.9f\n", first, monotonic())
}
