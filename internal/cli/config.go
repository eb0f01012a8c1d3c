package cli

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/oidostudio/oido/internal/config"
)

func configure() *cobra.Command {
	return group("config", "Look at the configuration", configShow(), configCheck(), configSchema())
}

func configShow() *cobra.Command {
	var flags configFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, with where each field was said",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := flags.load(c)
			if err != nil {
				return err
			}
			text, err := config.Show(cfg)
			if err != nil {
				return err
			}
			if !asJSON {
				_, err = c.OutOrStdout().Write(text)
				return err
			}
			var v any
			if err := yaml.Unmarshal(text, &v); err != nil {
				return fmt.Errorf("show the configuration as JSON: %w", err)
			}
			raw, err := json.Marshal(v, json.Deterministic(true))
			if err != nil {
				return fmt.Errorf("show the configuration as JSON: %w", err)
			}
			return printJSON(c.OutOrStdout(), raw)
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the values as JSON")
	return c
}

func configCheck() *cobra.Command {
	var flags configFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the configuration, and what of it isn't built yet",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := flags.options(c)
			if err != nil {
				return err
			}
			cfg, warnings, err := config.Load(o)
			if err != nil {
				return err
			}
			if len(cfg.Infeasible) > 0 {
				return cfg.Infeasible
			}
			notes := []string{}
			for _, g := range cfg.NotBuilt() {
				notes = append(notes, g.String())
			}
			for _, w := range warnings {
				notes = append(notes, w.String())
			}
			if asJSON {
				raw, err := json.Marshal(struct {
					Valid bool     `json:"valid"`
					Notes []string `json:"notes"`
				}{true, notes})
				if err != nil {
					return err
				}
				return printJSON(c.OutOrStdout(), raw)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), strings.Join(append(notes, "The configuration is valid."), "\n"))
			return err
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
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
