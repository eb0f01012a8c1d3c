package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
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
			cfg, o, err := flags.load(c)
			if err != nil {
				return err
			}
			return run(c.Context(), version, cfg, o, c.OutOrStdout(), c.ErrOrStderr(), func(string) error { return nil })
		},
	}
	flags.add(c)
	return c
}

// run serves a configuration until ctx ends. ready is told the address when it is
// listened on.
func run(ctx context.Context, version string, cfg *config.Config, o config.Options, out, errOut io.Writer, ready func(url string) error) error {
	log, level := logger(errOut, cfg.Log)
	for _, g := range cfg.NotBuilt() {
		if g.Fatal {
			return errors.New(g.String())
		}
		log.Warn("not built yet", "field", g.Field, "effect", g.Text)
	}
	for _, p := range cfg.ProvidersOff {
		log.Warn("provider is off", "provider", p.Name, "reason", p.Reason)
	}
	app.KeepHeapFloor()
	if len(cfg.Providers) == 0 {
		log.Warn("no provider is connected, so no model can answer: set a key like OPENAI_API_KEY and start again, or try `oido demo`")
	}
	s, err := app.Open(ctx, cfg, app.Options{Log: log, Version: version, FirstKey: func(key identity.Secret) error {
		return deliver(key, cfg.DataDir, out)
	}})
	if err != nil {
		return err
	}
	l, err := listenOn(ctx, cfg.Listen)
	if err != nil {
		return errors.Join(unheard(cfg.Listen, "--listen", err), s.Close())
	}
	if cfg.OpsListen != "" {
		stop, err := operate(ctx, cfg.OpsListen, s.Operations(), log)
		if err != nil {
			return errors.Join(err, l.Close(), s.Close())
		}
		defer stop()
	}
	watcher := config.NewWatcher(o, func(next *config.Config, warnings []config.Warning) {
		for _, w := range warnings {
			log.Warn("configuration", "warning", w.String())
		}
		if fields := config.RestartNeeded(cfg, next); len(fields) > 0 {
			log.Warn("these changes need a restart", "fields", fields)
		}
		setLevel(level, next.Log.Level)
		if err := s.Apply(next); err != nil {
			log.Error("the new configuration is not in force", "error", err)
		}
	}, func(err error) { log.Error("the changed configuration is not in force", "error", err) })
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go watcher.Run(watching, cfg)
	if err := ready(address(l.Addr())); err != nil {
		log.Debug("nobody reads the standard output", "error", err)
	}
	if _, err := fmt.Fprintf(out, "OIDO serves on %s\n", address(l.Addr())); err != nil {
		log.Debug("nobody reads the standard output", "error", err)
	}
	return s.Serve(ctx, l)
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
