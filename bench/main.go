// Command bench measures what the gateway costs beside a bare reverse proxy that
// buffers the request body: processor time per request and per streamed chunk,
// memory, start time, size.
//
// All figures of a line come from one run in which both take turns on the same
// upstream, so that a busy machine slows both; the ratio is what counts. It
// prints and judges, it is not a test: `go run ./bench -oido bin/oido`.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "upstream":
			serveUpstream(os.Args[2])
			return
		case "proxy":
			serveProxy(os.Args[2], os.Args[3])
			return
		}
	}
	oido := flag.String("oido", "bin/oido", "the binary to measure")
	slice := flag.Duration("slice", 2*time.Second, "how long one slice of a measurement lasts")
	slices := flag.Int("slices", 3, "slices of each side of a measurement")
	only := flag.String("only", "", "measure only what has this in its name")
	flag.Parse()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	lab, err := newLab(*oido, *slice, *slices, stop)
	if err == nil {
		defer lab.close()
		err = lab.run(func(name string) bool { return strings.Contains(name, *only) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		if lab != nil {
			lab.close()
		}
		os.Exit(1)
	}
}
