package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/identity"
)

func serve(version string) *cobra.Command {
	var flags configFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the gateway until it is told to stop",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := flags.options(c)
			if err != nil {
				return err
			}
			r := runner{version: version, options: o, out: c.OutOrStdout(), errOut: c.ErrOrStderr(), hangUp: make(chan os.Signal, 1)}
			signal.Notify(r.hangUp, syscall.SIGHUP)
			defer signal.Stop(r.hangUp)
			return r.run(c.Context())
		},
	}
	flags.add(c)
	return c
}

// runner serves a configuration.
type runner struct {
	version     string
	options     config.Options
	out, errOut io.Writer
	hangUp      chan os.Signal         // asks for the configuration to be read anew; nil: never
	ready       func(url string) error // is told the address once it is listened on; nil: nobody is
}

// run serves until ctx ends.
func (r *runner) run(ctx context.Context) error {
	cfg, warnings, err := config.Load(r.options)
	if err != nil {
		return err
	}
	log, level := logger(r.errOut, cfg.Log)
	for _, g := range cfg.NotBuilt() {
		if g.Fatal {
			return errors.New(g.String())
		}
	}
	warn(log, cfg, warnings)
	if err := certified(cfg.TLS); err != nil {
		return err
	}
	app.KeepHeapFloor()
	// What comes before everything is open waits in the system's queue.
	l, err := listenOn(ctx, cfg.Listen)
	if err != nil {
		return unheard(cfg.Listen, "--listen", err)
	}
	s, err := app.Open(ctx, cfg, app.Options{Log: log, Version: r.version, FirstKey: func(key identity.Secret) error {
		return deliver(key, cfg.DataDir, r.out)
	}})
	if err != nil {
		return errors.Join(unopened(cfg.DataDir, err), l.Close())
	}
	app.GiveBackStart()
	if cfg.OpsListen != "" {
		stop, err := operate(ctx, cfg.OpsListen, s.Operations(), log)
		if err != nil {
			return errors.Join(err, l.Close(), s.Close())
		}
		defer stop()
	}
	watcher := config.NewWatcher(r.options, func(next *config.Config, warnings []config.Warning) {
		warn(log, next, warnings)
		if fields := config.RestartNeeded(cfg, next); len(fields) > 0 {
			log.Warn("these changes need a restart", "fields", fields)
		}
		if err := s.Apply(next); err != nil {
			log.Error("the new configuration is not in force", "error", err)
			return
		}
		setLevel(level, next.Log.Level)
	}, func(err error) { log.Error("the changed configuration is not in force", "error", err) })
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go watcher.Run(watching, cfg)
	go reloadOn(watching, r.hangUp, watcher)
	url := address(l.Addr())
	if cfg.TLS.On() {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	if r.ready != nil {
		if err := r.ready(url); err != nil {
			log.Debug("nobody reads the standard output", "error", err)
		}
	}
	if _, err := fmt.Fprintf(r.out, "OIDO serves on %s\n", url); err != nil {
		log.Debug("nobody reads the standard output", "error", err)
	}
	return s.Serve(ctx, l)
}

// warn tells what of a configuration has no effect: in the log, since whoever
// starts servers reads nothing else.
func warn(log *slog.Logger, cfg *config.Config, warnings []config.Warning) {
	for _, g := range cfg.NotBuilt() {
		log.Warn("not built yet", "field", g.Field, "effect", g.Text)
	}
	for _, w := range warnings {
		log.Warn("configuration", "warning", w.String())
	}
}

// reloadOn has the configuration read anew at each signal until ctx ends.
func reloadOn(ctx context.Context, signals <-chan os.Signal, w *config.Watcher) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			w.Reload()
		}
	}
}

// certified says why the certificate can't be served with.
func certified(t config.TLS) error {
	if !t.On() {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
		return fmt.Errorf("the certificate can't be used (%w): give tls.cert and tls.key the PEM files of a chain and of its key", err)
	}
	return nil
}

// unopened says what to do where the data folder is what can't be opened.
func unopened(dir string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && (strings.HasPrefix(at.Path, filepath.Clean(dir)) || strings.HasPrefix(dir, at.Path)) {
		return fmt.Errorf("%w: give --data-dir a folder that can be written", err)
	}
	return err
}

// deliver shows the first key on a terminal, where a person reads it; elsewhere
// output ends in logs, so it goes to a file that only the owner may read.
func deliver(key identity.Secret, dir string, out io.Writer) error {
	if f, ok := out.(*os.File); ok && term.IsTerminal(f.Fd()) {
		_, err := fmt.Fprintf(out, "This is the first start. Keep the operator's key, it is shown once:\n\n  %s\n\n", key.Reveal())
		return err
	}
	path, err := identity.WriteKeyFile(dir, key)
	if err == nil {
		_, err = fmt.Fprintf(out, "This is the first start. The operator's key is in %s\n", path)
	}
	return err
}

func listenOn(ctx context.Context, address string) (net.Listener, error) {
	var l net.ListenConfig
	return l.Listen(ctx, "tcp", address)
}

// unheard says why an address can't be listened on.
func unheard(address, flag string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s: stop it, or give %s another port", address, flag)
	}
	return fmt.Errorf("%s can't be listened on (%w): give %s another address", address, bare(err), flag)
}

func address(a net.Addr) string { return "http://" + a.String() }

// operate serves metrics and profiles on a port of their own.
func operate(ctx context.Context, listen string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	l, err := listenOn(ctx, listen)
	if err != nil {
		return nil, unheard(listen, "--ops-listen", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("the operations port stopped", "error", err)
		}
	}()
	return func() {
		if err := srv.Close(); err != nil {
			log.Debug("the operations port did not close cleanly", "error", err)
		}
		<-done
	}, nil
}
