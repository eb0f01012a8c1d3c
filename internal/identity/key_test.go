package identity_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/identity"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestNewKey(t *testing.T) {
	t.Parallel()
	asked := identity.Key{Org: "acme", User: "ada", Role: identity.Member, Name: "laptop", Agents: []string{"a"}}
	k, secret, err := identity.NewKey(rand.Reader, noon, asked)
	if err != nil {
		t.Fatal(err)
	}
	text := secret.Reveal()
	if !regexp.MustCompile(`^oido_sk_[A-Za-z0-9_-]{43}$`).MatchString(text) {
		t.Errorf("text has the form %q", text)
	}
	if id, err := uuid.Parse(k.ID); err != nil || id.Version() != 7 {
		t.Errorf("id = %s", k.ID)
	}
	want := asked
	want.ID, want.Hash, want.Origin, want.Created = k.ID, identity.HashKey(text), identity.FromStore, noon
	if diff := cmp.Diff(want, k); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, other, _ := identity.NewKey(rand.Reader, noon, asked); other.Reveal() == text {
		t.Error("the same key twice")
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", secret)
	raw, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	if all := log.String() + string(raw) + fmt.Sprintf("%v %+v %#v %s %d", secret, secret, secret, secret, secret); strings.Contains(all, text) {
		t.Errorf("the text is printed: %s", all)
	}
}

func TestNewKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, k := range []identity.Key{{}, {Org: "a", Role: identity.Admin}, {Org: "a", User: "u"}, {Org: "a", User: "u", Role: "root"}} {
		if _, _, err := identity.NewKey(rand.Reader, noon, k); err == nil {
			t.Errorf("%+v was made", k)
		}
	}
	broken := errors.New("no entropy")
	_, secret, err := identity.NewKey(iotest.ErrReader(broken), noon, identity.Key{Org: "a", User: "u", Role: identity.Admin})
	if !errors.Is(err, broken) || secret.Reveal() != "" {
		t.Errorf("error = %v", err)
	}
}

func TestStaticKeyIsStable(t *testing.T) {
	t.Parallel()
	text := "any text of twenty-four or more"
	a, err := identity.StaticKey(text, identity.Key{Org: "acme", User: "ada", Role: identity.Admin})
	if err != nil {
		t.Fatal(err)
	}
	b, err := identity.StaticKey(text, identity.Key{Org: "acme", User: "bob", Role: identity.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.StaticKey(text+"!", identity.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != b.ID || a.ID == c.ID || a.Origin != identity.FromFile {
		t.Errorf("ids %s, %s, %s", a.ID, b.ID, c.ID)
	}
	if id, err := uuid.Parse(a.ID); err != nil || id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		t.Errorf("id = %s", a.ID)
	}
	if strings.Contains(a.Hash.String(), strings.ReplaceAll(a.ID, "-", "")[:8]) {
		t.Error("the id shows part of the hash")
	}
	for _, bad := range []string{"", "too short", strings.Repeat("x", identity.MaxKey+1)} {
		if _, err := identity.StaticKey(bad, identity.Key{User: "ada"}); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("error = %v", err)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range []identity.Role{identity.Operator, identity.Admin, identity.Member, identity.Viewer, "", "root"} {
		line := string(r) + ":"
		for _, a := range []struct {
			name   string
			action identity.Action
		}{
			{"models", identity.UseModels},
			{"own", identity.SeeOwnWork},
			{"usage", identity.SeeOrgUsage},
			{"turns", identity.SeeOrgTurns},
			{"own-keys", identity.ManageOwnKeys},
			{"org", identity.ManageOrg},
			{"act-for", identity.ActForUser},
			{"operate", identity.Operate},
		} {
			if r.May(a.action) {
				line += " " + a.name
			}
		}
		got = append(got, line)
	}
	want := []string{
		"operator: models own usage turns own-keys org act-for operate",
		"admin: models own usage turns own-keys org act-for",
		"member: models own own-keys",
		"viewer: usage",
		":", "root:",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
