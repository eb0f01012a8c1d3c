package config_test

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a small file system in memory.
type disk struct {
	mu    sync.Mutex
	files map[string]string
}

func (d *disk) write(path, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[path] = text
}

func (d *disk) read(path string, _ int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, ok := d.files[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{files: map[string]string{"f": "secret_key: ${file:/k}\n", "/k": "one"}}
		opts := config.Options{File: "f", ReadFile: d.read, LookupEnv: func(string) (string, bool) { return "", false }}
		running, _, err := config.Load(opts)
		if err != nil {
			t.Fatal(err)
		}
		var applied []string
		var failed []error
		w := config.NewWatcher(opts,
			func(c *config.Config, _ []config.Warning) { applied = append(applied, c.SecretKey.Reveal()) },
			func(err error) { failed = append(failed, err) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx, running); close(done) }()
		settle := func() { time.Sleep(10 * time.Second); synctest.Wait() }
		want := func(what string, applies, fails int) {
			t.Helper()
			settle()
			if len(applied) != applies || len(failed) != fails {
				t.Fatalf("%s: applied %v, failed %v; want %d and %d", what, applied, failed, applies, fails)
			}
		}

		want("nothing changed", 0, 0)
		d.write("/k", "two")
		want("a secret's file changed", 1, 0)
		d.write("f", "listne: x\n")
		want("an invalid file is told once", 1, 1)
		if !strings.Contains(failed[0].Error(), "f:1:1: listne") {
			t.Errorf("failed = %v", failed)
		}
		d.write("f", "secret_key: three\n")
		want("repaired", 2, 1)
		w.Reload()
		want("told to reload", 3, 1)
		if got := strings.Join(applied, " "); got != "two three three" {
			t.Errorf("applied %s", got)
		}
		cancel()
		<-done
	})
}

func TestWatchWaitsUntilAFileIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{files: map[string]string{"f": "baseline: a\n"}}
		opts := config.Options{File: "f", ReadFile: d.read, LookupEnv: func(string) (string, bool) { return "", false }}
		running, _, err := config.Load(opts)
		if err != nil {
			t.Fatal(err)
		}
		var applied []string
		w := config.NewWatcher(opts, func(c *config.Config, _ []config.Warning) { applied = append(applied, c.Baseline) },
			func(err error) { t.Errorf("reported %v", err) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx, running); close(done) }()
		// A slow writer: something new between every two looks.
		for _, text := range []string{"", "bas", "baseline: ", "baseline: b"} {
			d.write("f", text)
			time.Sleep(900 * time.Millisecond) // never at the moment of a look
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := strings.Join(applied, " "); got != "b" {
			t.Errorf("applied %q", got)
		}
		cancel()
		<-done
	})
}
