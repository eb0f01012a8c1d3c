package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestOfficialSDKs runs the providers' own JavaScript SDKs against the gateway,
// once with every kind of provider behind it. `make sdk` installs them.
func TestOfficialSDKs(t *testing.T) {
	l := newLab(t)
	for _, upstream := range []string{"chat", "messages", "responses", "gemini"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, "node", "suite.mjs")
		cmd.Dir = "../sdk"
		cmd.Env = append(os.Environ(), "BASE="+l.url, "KEY="+key, "UPSTREAM="+upstream)
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(out), "16 checks") {
			t.Errorf("%s: %v\n%s", upstream, err, out)
		}
	}
}
