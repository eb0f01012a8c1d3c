package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/oidostudio/oido/internal/sim"
)

// simFile is what --config of the simulator says.
type simFile struct {
	Listen string `yaml:"listen"`
	Seed   uint64 `yaml:"seed"`
	// Clock is by how much the providers' clock is ahead.
	Clock   time.Duration `yaml:"clock"`
	Scripts map[string]struct {
		Faults []string `yaml:"faults"`
		Then   string   `yaml:"then"`
	} `yaml:"scripts"`
}

// simListen is where the simulator listens unless it is told.
const simListen = "127.0.0.1:9090"

func simulate() *cobra.Command {
	var listen, file string
	c := &cobra.Command{
		Use:   "sim",
		Short: "Serve simulated providers, for tests and trials without an account",
		Long: "Serve simulated providers, for tests and trials without an account. What a model does is in its name: sim-n20-d50 writes twenty pieces, " +
			"50 ms apart, sim-e429 refuses; GET /sim/models lists the words. A configuration file makes other names do so:\n\n" +
			"  listen: 127.0.0.1:9090\n  seed: 7            # other texts and ids\n  clock: -20m        # what the providers' clock is ahead\n  scripts:\n    gpt-4o: {faults: [e500, l2000-e429], then: ok}",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := readSimFile(file)
			if err != nil {
				return err
			}
			at := cmp.Or(listen, f.Listen, simListen)
			s := sim.New(sim.Options{Seed: f.Seed, Ahead: f.Clock})
			for model, script := range f.Scripts {
				if err := s.Script(model, script.Faults, script.Then); err != nil {
					return fmt.Errorf("%s: scripts.%s: %w", file, model, err)
				}
			}
			l, err := listenOn(c.Context(), at)
			if err != nil {
				return unheard(at, "--listen", err)
			}
			if _, err := fmt.Fprintf(c.OutOrStdout(), "Simulated providers serve on %s\n", address(l.Addr())); err != nil {
				return errors.Join(err, l.Close())
			}
			return simulateOn(c.Context(), l, s)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "address to serve on, HOST:PORT (default "+simListen+")")
	c.Flags().StringVar(&file, "config", "", "file with what models do, see above")
	return c
}

func readSimFile(path string) (f simFile, err error) {
	if path == "" {
		return f, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return f, fmt.Errorf("read the simulator's configuration: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return f, fmt.Errorf("%s: %w; `oido sim --help` shows what can stand there", path, err)
	}
	return f, nil
}

// simulateOn serves simulated providers on l until ctx ends.
func simulateOn(ctx context.Context, l net.Listener, s *sim.Server) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return srv.Close()
	}
}
