package httpapi_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

// polite lets go of connections that are kept for later before leaks are looked
// for.
type polite struct{ *testing.M }

func (p polite) Run() int {
	code := p.M.Run()
	http.DefaultClient.CloseIdleConnections()
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(polite{m}) }
