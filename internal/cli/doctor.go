package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

// finding is what doctor says of one thing.
type finding struct {
	What string `json:"what"`
	Says string `json:"says"`
	Mark mark   `json:"mark"`
	Took int64  `json:"took_ms"`
}

// timed looks at a thing that is soon seen, and says how long that took.
func timed(look func() finding) finding {
	start := time.Now()
	f := look()
	took := time.Since(start)
	f.Took = took.Milliseconds()
	f.Says += fmt.Sprintf(" (%s)", took.Round(time.Millisecond))
	return f
}

// mark is how a thing does.
type mark string

// The marks. What is off is so on purpose, or isn't built yet; what is soon works
// today.
const (
	markOK    mark = "ok"
	markSoon  mark = "soon"
	markOff   mark = "off"
	markWrong mark = "wrong"
)

// print writes a finding as a line.
func (f finding) print(s screen) error {
	look := map[mark]paint{markOK: green, markSoon: yellow, markOff: yellow, markWrong: red}[f.Mark]
	name := strings.Replace(string(f.Mark), "wrong", "WRONG", 1)
	_, err := fmt.Fprintf(s.w, "%s  %s: %s\n", s.paint(fmt.Sprintf("%-5s", name), look), printable(f.What), printable(f.Says))
	return err
}

func doctor() *cobra.Command {
	var flags configFlags
	var asJSON, quiet bool
	var only string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say in plain words what is wrong: configuration, disk, providers",
		Long: "Look at the configuration, the data folder, the database, the address and the clock, then at each provider, also those that were added: whether its key is taken, " +
			"its models can be listed, and a cheap one answers a small streamed request with a tool, which may cost a fraction of a cent; and which places of the configuration name models that have ended or will within 30 days.",
		Example: `  oido doctor --config oido.yaml
  oido doctor --provider openai
  oido doctor --no-call --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			start := time.Now()
			cfg, err := flags.load(c)
			if err != nil {
				return err
			}
			read := time.Since(start)
			added, err := app.AddedNames(c.Context(), cfg)
			if err != nil {
				added = nil // the check of the database says why
			}
			if only != "" && !slices.Contains(slices.Concat(cfg.Providers.Names(), added), only) && !cfg.ProvidersFromEnv {
				return mistake("--provider %s: the configuration has no provider of that name that is on, and none of it was added", only)
			}
			s := screenOf(c.OutOrStdout())
			bad, all := 0, []finding{}
			for f := range examine(c.Context(), cfg, read, len(added) > 0, app.CheckOptions{Only: only, Call: !quiet}) {
				if f.Mark == markWrong {
					bad++
				}
				if asJSON {
					all = append(all, f)
					continue
				}
				if err := f.print(s); err != nil {
					return err
				}
			}
			if err := c.Context().Err(); err != nil {
				return err
			}
			if asJSON {
				raw, err := json.Marshal(all)
				if err == nil {
					err = printJSON(c.OutOrStdout(), raw)
				}
				if err != nil {
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
	c.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	c.Flags().BoolVar(&quiet, "no-call", false, "have no model answer, which costs nothing")
	c.Flags().StringVar(&only, "provider", "", "look at this provider alone")
	return c
}

// examine looks at one thing after the other; reading the configuration took read,
// and added says whether accounts were added to it.
func examine(ctx context.Context, cfg *config.Config, read time.Duration, added bool, o app.CheckOptions) func(func(finding) bool) {
	return func(yield func(finding) bool) {
		valid := finding{"configuration", fmt.Sprintf("is valid, with %d providers (%s)", len(cfg.Providers), read.Round(time.Millisecond)), markOK, read.Milliseconds()}
		if !yield(valid) {
			return
		}
		for _, g := range cfg.NotBuilt() {
			f := finding{What: "configuration", Says: g.String(), Mark: markOff}
			if g.Fatal {
				f.Mark = markWrong
			}
			if !yield(f) {
				return
			}
		}
		for _, p := range cfg.ProvidersOff {
			if !yield(finding{What: "provider " + p.Name, Says: "off: " + p.Reason, Mark: markOff}) {
				return
			}
		}
		disk := timed(func() finding { return folder(cfg.DataDir) })
		store := timed(func() finding { return database(ctx, cfg.DataDir) })
		if !yield(disk) || !yield(store) || !yield(timed(func() finding { return serving(ctx, cfg) })) {
			return
		}
		check := app.CheckInstallation
		if store.Mark != markOK {
			check = app.CheckProviders // those that were added can't be read
		}
		if len(cfg.Providers) == 0 && !added && !cfg.ProvidersFromEnv && !yield(noProvider) {
			return
		}
		any := false
		for c := range check(ctx, cfg, o) {
			any = any || strings.HasPrefix(c.What, "provider ")
			f := finding{c.What, c.Says, markOK, c.Took.Milliseconds()}
			switch {
			case c.Err != nil:
				f.Mark = markWrong
			case c.Soon:
				f.Mark = markSoon
			}
			if !yield(f) {
				return
			}
		}
		switch {
		case any || !cfg.ProvidersFromEnv:
		case o.Only != "":
			yield(finding{What: "provider " + o.Only, Says: "is not connected: set its key in the environment, or name it in a configuration file", Mark: markWrong})
		default:
			yield(noProvider)
		}
	}
}

var noProvider = finding{What: "providers", Says: "none is connected: set a key like OPENAI_API_KEY, or name providers in a configuration file", Mark: markWrong}

// database looks into the embedded database.
func database(ctx context.Context, dir string) finding {
	f := finding{What: "database", Mark: markOK}
	size, err := sqlite.Inspect(ctx, dir)
	switch {
	case errors.Is(err, os.ErrPermission):
		f.Says, f.Mark = fmt.Sprintf("can't be read (%v): run this as the user that the server runs as", err), markWrong
	case err != nil:
		f.Says, f.Mark = fmt.Sprintf("%s can't be read: %v; stop the server and put a backup in its place, turns that are still in the spool are not lost", filepath.Join(dir, "oido.db"), err), markWrong
	case size == 0:
		f.Says = "there is none yet: the first start makes it"
	default:
		f.Says = fmt.Sprintf("can be read, %d KiB", size>>10)
	}
	return f
}

// enoughDisk is the least free space at which the ledger has room to wait for
// its database.
const enoughDisk = 2 << 30

func folder(dir string) finding {
	f := finding{What: "data folder " + dir, Mark: markOK}
	at := filepath.Clean(dir)
	for _, err := os.Stat(at); errors.Is(err, os.ErrNotExist) && at != filepath.Dir(at); _, err = os.Stat(at) {
		at = filepath.Dir(at) // the first start makes what is missing
	}
	probe, err := os.CreateTemp(at, ".oido-doctor-")
	if err != nil {
		f.Says, f.Mark = fmt.Sprintf("can't be written (%v): give --data-dir a folder that can", bare(err)), markWrong
		return f
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		f.Says, f.Mark = err.Error(), markWrong
		return f
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(at, &st); err != nil {
		f.Says, f.Mark = "how much room is left can't be told: "+err.Error(), markWrong
		return f
	}
	free := st.Bavail * uint64(st.Bsize)
	f.Says = fmt.Sprintf("can be written, %d MiB free", free>>20)
	if free < enoughDisk {
		f.Says, f.Mark = f.Says+fmt.Sprintf(": less than %d MiB; make room, or give --data-dir another place", enoughDisk>>20), markWrong
	}
	return f
}

// serving says whether a gateway answers at the configured address, or could.
func serving(ctx context.Context, cfg *config.Config) finding {
	f := finding{What: "address " + cfg.Listen, Mark: markOK}
	if l, err := listenOn(ctx, cfg.Listen); err == nil {
		f.Says = "free: no gateway runs there now"
		if err := l.Close(); err != nil {
			f.Says, f.Mark = err.Error(), markWrong
		}
		return f
	} else if !errors.Is(err, syscall.EADDRINUSE) {
		f.Says, f.Mark = fmt.Sprintf("can't be listened on (%v): give --listen another", bare(err)), markWrong
		return f
	}
	if cfg.TLS.On() {
		f.Says = "in use; whether by a gateway is not looked at where it has a certificate"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	taken := "something that isn't this program answers there: give --listen another port"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Listen+"/readyz", nil)
	if err != nil {
		f.Says, f.Mark = err.Error(), markWrong
		return f
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.Says, f.Mark = taken, markWrong
		return f
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	err = errors.Join(err, resp.Body.Close())
	switch {
	case err == nil && resp.StatusCode == http.StatusOK && string(body) == "ready\n":
		f.Says = "a gateway runs there"
	case err == nil && resp.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(string(body), "the database"):
		f.Says, f.Mark = "a gateway runs there, but "+strings.TrimSpace(string(body))+": look at its log", markWrong
	default:
		f.Says, f.Mark = taken, markWrong
	}
	return f
}
