package tokens_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/tokens"
)

func image(bytes int) string {
	b := make([]byte, bytes)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

func TestImagesAreNotSizedAsText(t *testing.T) {
	t.Parallel()
	code := strings.Repeat("func (e *Estimator) Of(account, name string) int64 {\n\treturn s.counted // 大きさ\n}\n", 100)
	for name, c := range map[string]struct {
		body   string
		images int
	}{
		"nothing":        {"", 0},
		"text":           {code, 0},
		"a language":     {strings.Repeat("言葉はスペースなしで書かれる。", 1000), 0},
		"rulers":         {strings.Repeat(strings.Repeat("=", 70)+strings.Repeat("-", 70)+"\\n", 1000), 0},
		"a long name":    {strings.Repeat("A", 70) + strings.Repeat(" and more", 5000), 0},
		"a small icon":   {code + `","data":"` + image(2000) + `"`, 0},
		"an image":       {`{"data":"` + image(1<<20) + `","text":"` + code + `"}`, 1},
		"two, at an end": {code + `","data":"` + image(100_000) + `"},{"image_url":"data:image/png;base64,` + image(50_000), 2},
	} {
		text := len(c.body)
		if c.images > 0 {
			text = len(code) + c.images*4096
		}
		if got := tokens.Size([]byte(c.body)); got < text-c.images*1500 || got > text+c.images*3000 {
			t.Errorf("%s: %d, want about %d of %d", name, got, text, len(c.body))
		}
	}
}

func TestSizesStayWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var body []byte
		for range rapid.IntRange(0, 5).Draw(t, "pieces") {
			body = append(body, rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "bytes")...)
			body = append(body, strings.Repeat("A", rapid.IntRange(0, 20_000).Draw(t, "encoded"))...)
		}
		if n := tokens.Size(body); n < 0 || n > len(body) || n < min(len(body), 4096) {
			t.Fatalf("%d of %d", n, len(body))
		}
	})
}

func BenchmarkSize(b *testing.B) {
	for name, n := range map[string]int{"1K": 20, "1M": 20_000} {
		body := []byte(strings.Repeat("so many words that are sent to a model each time ", n))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				tokens.Size(body)
			}
		})
	}
}
