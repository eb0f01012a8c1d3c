package cli

import (
	"github.com/spf13/cobra"
)

// narrowing are the flags that narrow usage and turns, by the API's names.
type narrowing map[string]*string

func (n narrowing) add(c *cobra.Command) {
	for _, f := range []struct{ name, flag, help string }{
		{"model", "model", "only this model, as provider/model-id or model-id"},
		{"provider", "provider", "only this provider"},
		{"agent", "agent", "only this agent"},
		{"user", "user", "only this user"},
		{"session", "session", "only this session"},
		{"workload", "workload", "only this workload"},
		{"purpose", "purpose", "only this purpose"},
		{"key", "key-id", "only the key of this id"},
		{"org", "org", "another org than the key's, with an operator's key"},
	} {
		n[f.name] = c.Flags().String(f.flag, "", f.help)
	}
}

// with adds what the flags said to a query.
func (n narrowing) with(values map[string]string) map[string]string {
	for name, v := range n {
		values[name] = *v
	}
	return values
}
