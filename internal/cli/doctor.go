package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
)

// finding is what doctor says of one thing.
type finding struct {
	what, says string
	bad        bool
}

func doctor() *cobra.Command {
	var flags configFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say in plain words what is wrong: configuration, disk, providers",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := flags.load(c)
			if err != nil {
				return err
			}
			bad := 0
			for f := range examine(c.Context(), cfg) {
				mark := "ok   "
				if f.bad {
					mark = "WRONG"
					bad++
				}
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%s  %s: %s\n", mark, f.what, f.says); err != nil {
					return err
				}
			}
			switch bad {
			case 0:
				return nil
			case 1:
				return errors.New("one thing is wrong, see above")
			}
			return fmt.Errorf("%d things are wrong, see above", bad)
		},
	}
	flags.add(c)
	return c
}

// examine looks at one thing after the other.
func examine(ctx context.Context, cfg *config.Config) func(func(finding) bool) {
	return func(yield func(finding) bool) {
		for _, g := range cfg.NotBuilt() {
			if !yield(finding{"configuration", g.String(), g.Fatal}) {
				return
			}
		}
		for _, p := range cfg.ProvidersOff {
			if !yield(finding{"provider " + p.Name, "off: " + p.Reason, true}) {
				return
			}
		}
		if !yield(folder(cfg.DataDir)) || !yield(serving(ctx, cfg.Listen)) {
			return
		}
		if len(cfg.Providers) == 0 && !yield(finding{"providers", "none is configured here: set a key like OPENAI_API_KEY in this shell, or give the file that names them by --config", true}) {
			return
		}
		for check := range app.CheckProviders(ctx, cfg) {
			if !yield(finding{"provider " + check.Provider, check.Says, check.Err != nil}) {
				return
			}
		}
	}
}

// enoughDisk is the least free space at which the ledger has room to wait for
// its database.
const enoughDisk = 2 << 30

func folder(dir string) finding {
	f := finding{what: "data folder " + dir}
	at := dir
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		at = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(at, ".oido-doctor-")
	if err != nil {
		f.says, f.bad = "can't be written: "+err.Error(), true
		return f
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		f.says, f.bad = err.Error(), true
		return f
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(at, &st); err != nil {
		f.says, f.bad = "how much room is left can't be told: "+err.Error(), true
		return f
	}
	free := st.Bavail * uint64(st.Bsize)
	f.says, f.bad = fmt.Sprintf("can be written, %d MiB free", free>>20), free < enoughDisk
	return f
}

// serving says whether a gateway answers at the configured address.
func serving(ctx context.Context, listen string) finding {
	f := finding{what: "address " + listen}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listen+"/healthz", nil)
	if err != nil {
		f.says, f.bad = err.Error(), true
		return f
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var refused *net.OpError
		if errors.As(err, &refused) {
			f.says = "free: no gateway runs there now"
			return f
		}
		f.says, f.bad = err.Error(), true
		return f
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	err = errors.Join(err, resp.Body.Close())
	f.says, f.bad = "a gateway runs there", err != nil
	if resp.StatusCode != http.StatusOK {
		f.says, f.bad = "something that isn't this program answers there: give --listen another port", true
	}
	return f
}
