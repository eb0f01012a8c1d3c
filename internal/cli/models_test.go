package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sideBySide is what a gateway says of two models.
const sideBySide = `{"data":[
 {"name":"google/gemini-2.5-pro","tier":"frontier","class":"reasoning","context":1048576,"max_output":65536,"in":["text","image"],"out":["text"],"tools":true,"reasoning":true,"structured_output":null,
  "input_usd_per_million":"1.250000000","output_usd_per_million":"10.000000000","cache_read_usd_per_million":"0.125000000","cache_write_usd_per_million":null,
  "price_tiers":[{"above_input_tokens":200000,"input_usd_per_million":"2.500000000","output_usd_per_million":"15.000000000"}],
  "price_windows":[{"utc_from":"01:00","utc_to":"04:00","days":"mon-fri","input_usd_per_million":"0.300000000","output_usd_per_million":null}],
  "price_changes":[{"from":"2027-01-01","input_usd_per_million":"1.500000000","output_usd_per_million":"7.500000000"}],
  "free":"tier","free_quota":{"requests_per_minute":20,"requests_per_day":1000,"note":"so far"},
  "available":true,"state":"deprecated","ends":"2026-12-01","replacement":"gemini-3.8-flash","redirects_to":"gemini-3.8-flash"},
 {"name":"local/m","tier":"","context":null,"in":[],"out":[],"tools":false,"input_usd_per_million":null,"output_usd_per_million":null,
  "price_tiers":[],"price_windows":[],"price_changes":[],"available":false,"why_not":"its provider lists it no longer"}
],"next_cursor":null}`

func TestModelsSideBySide(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if r.URL.Query().Get("name") == "none" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"title":"Not Found","status":404,"detail":"the model \"none\" is retired; its replacement is some"}`)
			return
		}
		_, _ = io.WriteString(w, sideBySide)
	}))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.Close()
	})
	status, out, errOut := run(t, "models", "--compare", "gemini 2.5 pro", "local/m", "--server", s.URL, "--key", "k")
	const want = `MODEL                  google/gemini-2.5-pro                                local/m
tier                   frontier                                             -
class                  reasoning                                            -
context                1048576                                              -
max output             65536                                                -
reads                  text image                                           -
writes                 text                                                 -
tools                  yes                                                  no
reasoning              yes                                                  unknown
structured output      unknown                                              unknown
input USD/M            1.25                                                 unknown
output USD/M           10.00                                                unknown
cache read USD/M       0.125                                                -
large inputs           above 200000 tokens 2.50 in, 15.00 out               -
hours                  mon-fri 01:00–04:00 UTC 0.30 in, as before out       -
price changes          from 2027-01-01 1.50 in, 7.50 out                    -
free                   tier                                                 -
free up to             20 requests a minute, 1000 requests a day, so far    -
state                  deprecated                                           -
ends                   2026-12-01                                           -
then answered by       gemini-3.8-flash                                     -
replacement            gemini-3.8-flash                                     -
not available because  -                                                    its provider lists it no longer
`
	if status != 0 || errOut != "" {
		t.Fatalf("%d %q", status, errOut)
	}
	got := strings.Split(out, "\n")
	for i, line := range got {
		got[i] = strings.Join(strings.Fields(line), " ")
	}
	var lines []string
	for line := range strings.SplitSeq(want, "\n") {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	if d := cmp.Diff(lines, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"name=gemini+2.5+pro&name=local%2Fm"}, asked); d != "" {
		t.Error(d)
	}
	if status, out, _ := run(t, "models", "--compare", "x", "--json", "--server", s.URL, "--key", "k"); status != 0 || !strings.Contains(out, `"price_windows"`) {
		t.Errorf("%d %s", status, out)
	}
	for _, args := range [][]string{{"models", "--compare"}, {"models", "a", "b"}, {"models", "--compare", "none"}} {
		status, out, errOut := run(t, append(args, "--server", s.URL, "--key", "k")...)
		if status == 0 || out != "" || !strings.Contains(errOut, "--compare") && !strings.Contains(errOut, "its replacement is some") {
			t.Errorf("%q: %d %q %q", args, status, out, errOut)
		}
	}
}

func TestModelsAreAskedForByFlags(t *testing.T) {
	url, asked := gateway(t)
	for flags, want := range map[string]string{
		"":                    "available=true",
		"--all":               "",
		"--free":              "available=true&free=true",
		"--free=trial":        "available=true&free=trial",
		"--ending":            "available=true&ends_within=90",
		"--ending=30 --all":   "ends_within=30",
		"--out image":         "available=true&out=image",
		"--structured-output": "available=true&structured_output=true",
		"haiku --tier fast --provider up --min-context 1000 --tools --reasoning --in pdf": "available=true&in=pdf&min_context=1000&provider=up&q=haiku&reasoning=true&tier=fast&tools=true",
	} {
		*asked = nil
		status, out, errOut := run(t, append([]string{"models", "--server", url, "--key", "good"}, strings.Fields(flags)...)...)
		if status != 0 || errOut != "" || strings.Contains(out, "REPLACEMENT") != strings.Contains(flags, "--ending") {
			t.Errorf("%s: %d %q\n%s", flags, status, errOut, out)
		}
		if d := cmp.Diff([]string{"Bearer good /api/v1/models?" + want}, *asked); d != "" {
			t.Errorf("%s: %s", flags, d)
		}
	}
}
