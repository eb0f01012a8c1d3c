package catalog

import "github.com/oidostudio/oido/internal/wire"

// twins maps ids of a list to the ids that the same models have there as well.
// Mistral lists a model under each of its names: all entries have the same name,
// which is the id of one of them, or the names stand among the aliases.
type twins map[string]string

func newTwins(listed []wire.ListedModel) twins {
	t := twins{}
	there := make(map[string]bool, len(listed))
	for _, l := range listed {
		there[l.ID] = true
	}
	join := func(id, with string) {
		if id, with = t.of(id), t.of(with); id != with && there[id] && there[with] {
			t[id] = with
		}
	}
	for _, l := range listed {
		join(l.ID, l.Name)
	}
	for _, l := range listed {
		for _, alias := range l.Aliases {
			join(alias, l.ID)
		}
	}
	return t
}

// of is the one id that a model is shown under.
func (t twins) of(id string) string {
	for t[id] != "" {
		id = t[id]
	}
	return id
}
