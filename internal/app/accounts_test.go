package app

import (
	"testing"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/provider"
)

// TestEveryTypeHasAReadableCatalog reads what is known of the models of each type:
// an entry that can't be read would take the models of all accounts away.
func TestEveryTypeHasAReadableCatalog(t *testing.T) {
	profiles, err := provider.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if _, err := catalog.NewView([]catalog.Account{{Name: p.Type, Catalog: p.Catalog}}); err != nil {
			t.Errorf("%s: %v", p.Type, err)
		}
	}
}
