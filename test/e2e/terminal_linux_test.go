package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal makes a terminal so many columns wide: the end of who sits at it, and
// the program's.
func terminal(t *testing.T, columns uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlock uint32
	size := [4]uint16{40, columns}
	for _, call := range []struct {
		request uintptr
		arg     unsafe.Pointer
	}{{syscall.TIOCSPTLCK, unsafe.Pointer(&unlock)}, {syscall.TIOCGPTN, unsafe.Pointer(&number)}, {syscall.TIOCSWINSZ, unsafe.Pointer(&size)}} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), call.request, uintptr(call.arg)); errno != 0 {
			t.Fatal(errno)
		}
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// TestAKeyIsAskedForAndNotShown: what is typed on a terminal is taken, and stands
// nowhere on it.
func TestAKeyIsAskedForAndNotShown(t *testing.T) {
	l := newBareLab(t, "a secret of this installation")
	master, slave := terminal(t, 120)
	cmd := exec.Command(binary, "providers", "add", "anthropic", "--base-url", l.sim+"/anthropic")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "TERM=dumb", "OIDO_URL=" + l.url, "OIDO_KEY=" + operatorKey}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	shown, typed := "", false
	for buf := make([]byte, 4096); ; {
		n, err := master.Read(buf)
		shown += string(buf[:n])
		if err != nil {
			break // nobody holds the terminal any more
		}
		if strings.Contains(shown, "Key of the provider") && !typed {
			for range 500 { // the echo goes off after the question comes
				if !echoes(t, master) {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if _, err := io.WriteString(master, "good-key-that-is-typed\n"); err != nil {
				t.Fatal(err)
			}
			typed = true
		}
	}
	if err := cmd.Wait(); err != nil || !typed || strings.Contains(shown, "good-key") || !strings.Contains(shown, "is connected") {
		t.Errorf("%v %s", err, shown)
	}
}

// echoes says whether a terminal shows what is typed.
func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	var mode syscall.Termios
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&mode))); errno != 0 {
		t.Fatal(errno)
	}
	return mode.Lflag&syscall.ECHO != 0
}

// onTerminal runs a command on a terminal so many columns wide and returns what
// it shows.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) string {
	t.Helper()
	master, slave := terminal(t, columns)
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"HOME=" + cmd.Dir, "TERM=xterm-256color"}, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	// Reading a terminal that nobody holds any more fails; all that was written
	// comes before.
	shown, _ := io.ReadAll(master)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v %s", args, err, shown)
	}
	return strings.ReplaceAll(string(shown), "\r\n", "\n")
}

func TestTablesFitTheTerminal(t *testing.T) {
	l := newLab(t)
	for _, model := range []string{"chat/sim", "gemini/sim"} {
		if status, answer, err := l.post(t, "/v1/chat/completions", hello(model, false)); status != 200 || err != nil {
			t.Fatal(status, answer, err)
		}
	}
	l.turns(t, 2)
	if got := status(t, l.url+"/readyz", ""); got != 200 {
		t.Fatal(got)
	}
	env := []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + key}
	for _, args := range [][]string{{"usage"}, {"turns"}, {"models", "sim"}, {"providers"}} {
		for _, columns := range []uint16{30, 50, 80, 200} {
			shown := onTerminal(t, columns, append(env, "NO_COLOR=1"), args...)
			if strings.Contains(shown, "\x1b") {
				t.Errorf("%v: colour in spite of NO_COLOR: %q", args, shown)
			}
			for line := range strings.Lines(shown) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > max(int(columns), 50) {
					t.Errorf("%v on %d columns, a line of %d: %s", args, columns, n, line)
				}
			}
		}
		if shown := onTerminal(t, 200, env, args...); !strings.Contains(shown, "\x1b[1m") {
			t.Errorf("%v: no colour on a terminal: %q", args, shown)
		}
		if shown := onTerminal(t, 200, append(env, "TERM=dumb"), args...); strings.Contains(shown, "\x1b") {
			t.Errorf("%v: colour on a terminal that has none: %q", args, shown)
		}
	}
}

// TestExplanationsFitTheTerminal: their words are broken between words, and none is lost.
func TestExplanationsFitTheTerminal(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	env := []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + key, "NO_COLOR=1"}
	args := []string{"route", "explain", "--workload", "support"}
	whole, _, _ := run(t, env, args...)
	said, _, _ := strings.Cut(whole, "\n")
	for _, columns := range []uint16{40, 80, 300} {
		shown := onTerminal(t, columns, env, args...)
		text, _, _ := strings.Cut(shown, "\n\n")
		for line := range strings.Lines(shown) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > int(min(columns, 100)) {
				t.Errorf("%d columns: a line of %d: %q", columns, n, line)
			}
		}
		if strings.ReplaceAll(text, "\n", " ") != said {
			t.Errorf("%d columns: %q, want %q", columns, text, said)
		}
	}
}
