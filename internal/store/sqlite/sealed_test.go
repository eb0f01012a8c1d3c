package sqlite_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/writebehind"
)

func TestSealedRowsAreKeptTakenAwayAndForgotten(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	for name, table := range map[string]writebehind.Table{"reasoning": s.Reasoning(), "responses": s.Responses(), "repeats": s.Repeats(1 << 30)} {
		row := func(key, data string) writebehind.Row {
			return writebehind.Row{Org: "o", User: "u", Key: key, Data: []byte(data), Created: noon, Expires: noon.Add(time.Hour)}
		}
		gone := row("gone", "")
		gone.Data = nil
		if err := table.Write(ctx, []writebehind.Row{row("k", "first"), row("gone", "x"), row("k", name), gone}); err != nil {
			t.Fatal(err)
		}
		want := row("k", name)
		for _, c := range []struct {
			org, key string
			at       time.Time
			want     *writebehind.Row
		}{
			{"o", "k", noon, &want},
			{"other", "k", noon, nil},
			{"o", "gone", noon, nil},
			{"o", "k", noon.Add(time.Hour), nil},
		} {
			got, err := table.Read(ctx, c.org, c.key, c.at)
			if d := cmp.Diff(c.want, got); d != "" || err != nil {
				t.Errorf("%s: %s of %s at %s: %v %s", name, c.key, c.org, c.at, err, d)
			}
		}
		var many []writebehind.Row
		for i := range 700 {
			many = append(many, row(fmt.Sprint(i), "x"))
		}
		if err := table.Write(ctx, many); err != nil {
			t.Fatal(err)
		}
		left := func() (n int) {
			for i := range many {
				got, err := table.Read(ctx, "o", many[i].Key, noon)
				if err != nil {
					t.Fatal(err)
				}
				if got != nil {
					n++
				}
			}
			return n
		}
		if more, err := table.Forget(ctx, noon); more || err != nil || left() != len(many) {
			t.Errorf("%s: %d are left before their time, more %t, %v", name, left(), more, err)
		}
		if more, err := table.Forget(ctx, noon.Add(time.Hour)); !more || err != nil || left() == 0 {
			t.Errorf("%s: %d are left, more %t, %v", name, left(), more, err)
		}
		for more := true; more; {
			var err error
			if more, err = table.Forget(ctx, noon.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if n := left(); n != 0 {
			t.Errorf("%s: %d are left", name, n)
		}
	}
}

func TestTheOldestRepeatsMakeRoom(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	const size, most = 10_000, 1_000_000
	table := s.Repeats(most)
	for i := 0; i < 400; i += 40 {
		var rows []writebehind.Row
		for n := range 40 {
			at := noon.Add(time.Duration(i+n) * time.Second)
			rows = append(rows, writebehind.Row{Org: fmt.Sprint("o", n%2), Key: fmt.Sprint(i + n), Data: bytes.Repeat([]byte("x"), size), Created: at, Expires: at.Add(time.Hour)})
		}
		for range 2 { // the second time each takes the place of itself
			if err := table.Write(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept, first := 0, -1
	for i := range 400 {
		r, err := table.Read(t.Context(), fmt.Sprint("o", i%2), fmt.Sprint(i), noon)
		if err != nil {
			t.Fatal(err)
		}
		if r != nil {
			kept++
			if first < 0 {
				first = i
			}
		}
	}
	if kept*size > most || kept < 75 || first != 400-kept {
		t.Errorf("%d are kept, from %d on", kept, first)
	}
}
