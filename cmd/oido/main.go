// Command oido is one port in front of every LLM provider: the gateway, its
// command line and its simulated providers in one binary.
//
// It promises to stop cleanly at the first interrupt and at once at the second.
// What the commands do is said in internal/cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones where the system has none

	"github.com/oidostudio/oido/internal/cli"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process
	os.Exit(cli.Run(ctx, version, os.Args[1:], os.Stdout, os.Stderr))
}
