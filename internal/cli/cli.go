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
	root := group(
		"oido", "One port in front of every LLM provider",
		serve(version), simulate(), demo(version), usage(), turns(), why(), sessions(), models(), providers(), workloads(), route(), configure(), doctor(), chat(),
	)
	root.Version, root.SilenceUsage, root.SilenceErrors = version, true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return mistake("%w; see `%s --help`", err, c.CommandPath())
	})
	each(root, func(c *cobra.Command) {
		if args := c.Args; args != nil {
			c.Args = func(c *cobra.Command, given []string) error {
				if err := args(c, given); err != nil {
					return mistake("%w; see `%s --help`", err, c.CommandPath())
				}
				return nil
			}
		}
	})
	complete(root)
	return root
}

// group is a command of commands; alone it shows its help.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := fmt.Errorf("there is no command %q", c.CommandPath()+" "+args[0])
		c.SuggestionsMinimumDistance = 2
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("%w; did you mean %q?", err, c.CommandPath()+" "+near[0])
		}
		return err
	}, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(commands...)
	return c
}

// usageError is a command line that can't be meant.
type usageError struct{ error }

// Unwrap returns what was wrong with it.
func (e usageError) Unwrap() error { return e.error }

// mistake makes the error of a command line that can't be meant.
func mistake(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// configFlags are the flags that say the configuration.
type configFlags struct {
	file   string
	values map[string]*string
}

func (f *configFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "config", "", "configuration file; without one the environment and the flags say it all")
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
func (f *configFlags) load(c *cobra.Command) (*config.Config, error) {
	o, err := f.options(c)
	if err != nil {
		return nil, err
	}
	cfg, warnings, err := config.Load(o)
	for _, w := range warnings {
		fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
	}
	return cfg, err
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

// Run runs the command line and returns the process's exit status: 0 when it
// succeeded, 1 when it failed, 2 when the command line itself was wrong, and 130
// when it was interrupted.
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
	if errors.As(err, &usageError{}) {
		return 2
	}
	return 1
}
