package classify

import (
	"bytes"
	"errors"
	"testing"
)

func TestModelFile(t *testing.T) {
	t.Parallel()
	if len(modelBin) > 512<<10 {
		t.Errorf("%d bytes, at most 512 KiB", len(modelBin))
	}
	m, err := Load(modelBin)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Bytes()
	if err != nil || !bytes.Equal(again, modelBin) {
		t.Errorf("written again it is another file (%v)", err)
	}
	if h := Hash(); len(h) != 16 || h != m.Hash() {
		t.Errorf("hash %q, want that of the model, %q", h, m.Hash())
	}
	other := bytes.Clone(modelBin)
	other[0]++
	for name, b := range map[string][]byte{"of other cues": other, "short": modelBin[:100], "long": append(bytes.Clone(modelBin), 0), "empty": nil} {
		if _, err := Load(b); !errors.Is(err, errModel) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestHarnessTable(t *testing.T) {
	t.Parallel()
	h := harnesses()
	if len(h.Blocks) > 64 {
		t.Errorf("%d blocks, room for 64", len(h.Blocks))
	}
	for _, b := range h.Blocks {
		if b.From == "" || b.To == "" || b.Client == "" || b.From[0] != '<' && b.From[0] != '#' && b.From[0] != 'H' {
			t.Errorf("block %+v is incomplete, or begins with what isn't looked for", b)
		}
	}
	for _, m := range h.Marks {
		if m.Text == "" || m.Text[0] != '<' || m.Client == "" {
			t.Errorf("mark %+v is incomplete, or begins with what isn't looked for", m)
		}
	}
	for _, c := range h.Chores {
		if c.Name == "" || c.Client == "" || c.Source == "" || (c.System == "") == (c.User == "") {
			t.Errorf("chore %+v must have a name, a client, a source, and a system or a user text", c)
		}
	}
}
