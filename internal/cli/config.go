package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/config"
)

func configure() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		// Without these a mistyped subcommand shows the help and succeeds.
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			near := ""
			if s := c.SuggestionsFor(args[0]); len(s) > 0 {
				near = ": did you mean " + strings.Join(s, " or ") + "?"
			}
			return fmt.Errorf("there is no command %q for %q%s", args[0], c.CommandPath(), near)
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(configShow(), configCheck(), configSchema())
	return c
}

func configShow() *cobra.Command {
	var flags configFlags
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, with where each field was said",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := flags.load(c)
			if err != nil {
				return err
			}
			text, err := config.Show(cfg)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	flags.add(c)
	return c
}

func configCheck() *cobra.Command {
	var flags configFlags
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the configuration, and what of it isn't built yet",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := flags.load(c)
			if err != nil {
				return err
			}
			for _, g := range cfg.NotBuilt() {
				line(c.OutOrStdout(), g.String())
			}
			for _, p := range cfg.ProvidersOff {
				line(c.OutOrStdout(), "provider "+p.Name+" is off: "+p.Reason)
			}
			line(c.OutOrStdout(), "The configuration is valid.")
			return nil
		},
	}
	flags.add(c)
	return c
}

func configSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration file, for editors",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := config.SchemaJSON()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(append(text, '\n'))
			return err
		},
	}
}
