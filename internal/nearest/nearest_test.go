package nearest_test

import (
	"testing"

	"github.com/oidostudio/oido/internal/nearest"
)

func TestTo(t *testing.T) {
	t.Parallel()
	known := []string{"openai", "anthropic", "gemini", "openrouter", "ollama"}
	for word, want := range map[string]string{
		"opanai": "openai", "OpenAI": "openai", "open-ai": "openai", "antrhopic": "anthropic", "anth": "anthropic",
		"gemni": "gemini", "zzz": "", "": "", "x": "",
	} {
		if got := nearest.To(word, known); got != want {
			t.Errorf("To(%q) = %q, want %q", word, got, want)
		}
	}
}
