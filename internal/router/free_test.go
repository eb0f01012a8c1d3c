package router_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/router"
)

// shared is an account with a free tier beside one without.
func shared(t *testing.T) *router.Routes {
	t.Helper()
	view, err := catalog.NewView([]catalog.Account{
		{Name: "tier", Free: &catalog.Quota{RequestsPerDay: 10}, Declared: []catalog.Model{model("m", catalog.TierBalanced, 100_000, "0")}},
		{Name: "paid", Declared: []catalog.Model{model("m", catalog.TierBalanced, 100_000, "1")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return router.NewRoutes(router.Policy{DefaultClass: router.ClassInteractive, Workloads: []router.Workload{
		{Name: "free", Chain: []string{"paid/m", "tier/m"}, Prefer: router.PreferFree},
		{Name: "free-class", Class: router.ClassInteractive, Prefer: router.PreferFree},
		{Name: "cheap-class", Class: router.ClassInteractive, Prefer: router.PreferCheap},
		{Name: "class", Class: router.ClassInteractive, Prefer: router.PreferOrder},
		{Name: "written", Chain: []string{"tier/m", "paid/m"}, Prefer: router.PreferOrder},
	}}, view, days[1])
}

// What is free is asked first by those who prefer it and are not told that it is
// used up, and by others while much is left; it is never out of reach.
func TestWhatIsFreeIsForThoseWhoPreferIt(t *testing.T) {
	t.Parallel()
	routes := shared(t)
	for name, c := range map[string]struct {
		model, stays string
		now          router.Condition
		want         string // the order
		says         string
	}{
		"preferred":                     {"workload/free", "", router.Condition{}, "tier/m paid/m", ""},
		"preferred of a class":          {"workload/free-class", "", router.Condition{Kept: true}, "tier/m paid/m", ""},
		"used up":                       {"workload/free", "", router.Condition{Dry: true, Kept: true}, "paid/m tier/m", "tier/m comes later: it has used up what is free of it, or nearly."},
		"used up where the session is":  {"workload/free", "tier", router.Condition{Dry: true, Kept: true}, "paid/m tier/m", "tier/m comes later"},
		"where the session is":          {"workload/free", "paid", router.Condition{}, "paid/m tier/m", "stays"},
		"of others, much is left":       {"class/interactive", "", router.Condition{}, "tier/m paid/m", ""},
		"of others, little is left":     {"class/interactive", "", router.Condition{Kept: true}, "paid/m tier/m", "tier/m comes later: it has little left of its free quota, which is kept for workloads that prefer what is free."},
		"of a workload of the class":    {"workload/class", "", router.Condition{Kept: true}, "paid/m tier/m", "kept"},
		"by price, as somebody wrote":   {"workload/cheap-class", "", router.Condition{Kept: true}, "tier/m paid/m", ""},
		"in the order somebody wrote":   {"workload/written", "", router.Condition{Kept: true}, "tier/m paid/m", ""},
		"little left, the session's":    {"class/interactive", "tier", router.Condition{Kept: true}, "tier/m paid/m", "stays"},
		"named by the client, whatever": {"tier/m", "", router.Condition{Dry: true, Kept: true}, "tier/m", ""},
	} {
		f := router.Facts{Model: c.model}
		if c.stays != "" {
			f.Stays = router.Place{Account: c.stays, Model: "m"}
		}
		d, err := router.Plan(&f, routes, router.Now{Time: days[1], Health: health{"tier/m": c.now}})
		if err != nil {
			t.Fatal(name, err)
		}
		if got := strings.Join(names(d), " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		told, err := router.Tell(d.Encode(""))
		if err != nil {
			t.Fatal(name, err)
		}
		if text := told.Explain(router.Asked{Model: c.model}); !strings.Contains(text, c.says) || c.says == "" && strings.Contains(text, "later") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
