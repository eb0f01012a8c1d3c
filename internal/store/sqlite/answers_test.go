package sqlite_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/idempotency"
)

func TestAnswersAreKeptUntilTheyExpire(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	row := idempotency.Row{Org: "o", ID: []byte("k"), Data: []byte("first"), Created: noon, Expires: noon.Add(time.Hour)}
	for _, data := range []string{"first", "second"} {
		row.Data = []byte(data)
		if err := s.PutAnswers(ctx, []idempotency.Row{row}, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		org  string
		at   time.Time
		want string
	}{{"o", noon, "second"}, {"other", noon, ""}, {"o", noon.Add(time.Hour), ""}} {
		if b, err := s.GetAnswer(ctx, c.org, row.ID, c.at); string(b) != c.want || err != nil {
			t.Errorf("%+v: %s %v", c, b, err)
		}
	}
	// The next one that is kept takes what has expired out.
	next := idempotency.Row{Org: "o", ID: []byte("next"), Data: []byte("x"), Created: noon.Add(time.Hour), Expires: noon.Add(2 * time.Hour)}
	if err := s.PutAnswers(ctx, []idempotency.Row{next}, 1<<20); err != nil {
		t.Fatal(err)
	}
	if b, err := s.GetAnswer(ctx, "o", row.ID, noon); b != nil || err != nil {
		t.Errorf("expired: %s %v", b, err)
	}
}

func TestTheOldestAnswersMakeRoom(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	const size, most = 10_000, 1_000_000
	id := func(i int) []byte { return fmt.Appendf(nil, "%04d", i) }
	for i := 0; i < 400; i += 40 {
		var rows []idempotency.Row
		for n := range 40 {
			at := noon.Add(time.Duration(i+n) * time.Second)
			rows = append(rows, idempotency.Row{Org: fmt.Sprint("o", n%2), ID: id(i + n), Data: bytes.Repeat([]byte("x"), size), Created: at, Expires: at.Add(time.Hour)})
		}
		for range 2 { // the second time each takes the place of itself
			if err := s.PutAnswers(ctx, rows, most); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept, first := 0, -1
	for i := range 400 {
		b, err := s.GetAnswer(ctx, fmt.Sprint("o", i%2), id(i), noon)
		if err != nil {
			t.Fatal(err)
		}
		if b != nil {
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
