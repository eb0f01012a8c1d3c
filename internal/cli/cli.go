// Package cli is the command line: it reads flags, calls the parts that do the
// work, and shows what came of it to people or, with --json, to programs.
//
// It promises that a failed command says what failed and what to do, on standard
// error and with a status that isn't 0, and that colour goes to terminals alone.
// It holds no logic that a request could need.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
)

// New makes the command line of this version of the program.
func New(version string) *cobra.Command {
	root := &cobra.Command{
		Use:           "oido",
		Short:         "One port in front of every LLM provider",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serve(version), simulate(), demo(version), usage(), turns(), models(), providers(), configure(), doctor(), chat())
	return root
}

// configFlags are the flags that say the configuration.
type configFlags struct {
	file   string
	values map[string]*string
}

func (f *configFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "config", "", "configuration file ; without one the environment and the flags say it all")
	f.values = map[string]*string{}
	for _, s := range config.Scalars() {
		f.values[s.Flag] = c.Flags().String(s.Flag, s.Default, s.Help)
		if s.Bool {
			c.Flags().Lookup(s.Flag).NoOptDefVal = "true"
		}
	}
}

// options gathers what was said.
func (f *configFlags) options(c *cobra.Command) (config.Options, error) {
	o := config.Options{File: f.file, Flags: map[string]string{}}
	for name, v := range f.values {
		if c.Flags().Changed(name) {
			o.Flags[name] = *v
		}
	}
	return app.ConfigOptions(o)
}

// load reads the configuration and tells what in it has no effect.
func (f *configFlags) load(c *cobra.Command) (*config.Config, config.Options, error) {
	o, err := f.options(c)
	if err != nil {
		return nil, o, err
	}
	cfg, warnings, err := config.Load(o)
	if err != nil {
		return nil, o, err
	}
	for _, w := range warnings {
		fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
	}
	return cfg, o, nil
}

// logger makes the program's log.
func logger(w io.Writer, l config.Log) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	setLevel(level, l.Level)
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), level
	}
	return slog.New(slog.NewTextHandler(w, o)), level
}

func setLevel(v *slog.LevelVar, name string) {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) == nil {
		v.Set(l)
	}
}

// Run runs the command line and returns the process's exit status.
func Run(ctx context.Context, version string, args []string, out, errOut io.Writer) int {
	root := New(version)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return 130
	}
	fmt.Fprintln(errOut, "oido:", err)
	return 1
}
