package config

import (
	"context"
	"crypto/sha256"
	"time"
)

// pollEvery is how often the files are looked at.
const pollEvery = time.Second

// Watcher reloads a configuration when one of its files changes, or when it is
// told to. A configuration is handed over whole or not at all: an invalid one
// is reported once, and the running one stays.
type Watcher struct {
	opts   Options
	apply  func(*Config, []Warning)
	report func(error)
	reload chan struct{}
}

// NewWatcher makes a watcher for the configuration that opts loads. apply gets
// each new valid one and may keep it; report gets the reason when there is
// none. Both are called from the goroutine of [Watcher.Run], never at once.
func NewWatcher(opts Options, apply func(*Config, []Warning), report func(error)) *Watcher {
	if opts.ReadFile == nil {
		opts.ReadFile = readFile
	}
	return &Watcher{opts: opts, apply: apply, report: report, reload: make(chan struct{}, 1)}
}

// Reload asks for a reload now, changed or not (SIGHUP). It doesn't block;
// requests that come while one is waiting are one.
func (w *Watcher) Reload() {
	select {
	case w.reload <- struct{}{}:
	default:
	}
}

// Run watches the files of the running configuration until ctx ends. It looks
// at them every second, and takes a change when the files were the same twice,
// so that a file is not read while it is being written.
func (w *Watcher) Run(ctx context.Context, running *Config) {
	files, applied := running.Files, running.Digest
	last := applied
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.reload:
			last = w.digest(files)
		case <-tick.C:
			now := w.digest(files)
			settled := now == last
			last = now
			if now == applied || !settled {
				continue
			}
		}
		cfg, warnings, err := Load(w.opts)
		if err != nil {
			// Not again before the files change once more.
			applied = last
			w.report(err)
			continue
		}
		files, applied = cfg.Files, cfg.Digest
		last = applied
		w.apply(cfg, warnings)
	}
}

// digest is a hash over the contents of the files, as in Config.Digest.
// Reading them whole misses no change, however fast it follows another; they
// are small.
func (w *Watcher) digest(files []string) [sha256.Size]byte {
	h := sha256.New()
	for _, f := range files {
		data, err := w.opts.ReadFile(f, maxFile)
		digestFile(h, data, err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
