package wire

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/oidostudio/oido/internal/llm"
)

// Embedder is a format that has words for embeddings, as its clients and its
// servers speak them. What holds of Server, Client and Forwarder holds here.
type Embedder interface {
	// PeekEmbed reads what is needed before anything else.
	PeekEmbed(RawRequest) (Peeked, error)
	// SpliceEmbed writes the request for a model and keeps every other byte.
	SpliceEmbed(RawRequest, Peeked, Edits) (Outbound, error)
	// DecodeEmbed reads a request.
	DecodeEmbed(RawRequest) (*llm.EmbedRequest, error)
	// EncodeEmbed writes a request for a target.
	EncodeEmbed(*llm.EmbedRequest, Target) (Outbound, []Downgrade, error)
	// DecodeEmbedding reads an answer. A body that holds an error despite its
	// status 200 is returned as *llm.Error.
	DecodeEmbedding([]byte) (*llm.Embedding, error)
	// EncodeEmbedding writes an answer to a request in this format.
	EncodeEmbedding(*llm.Embedding, *llm.EmbedRequest) ([]byte, error)
	// EmbeddingUsage reads what a passing answer used and which model it names,
	// without its vectors.
	EmbeddingUsage([]byte) (Metered, *llm.Error)
}

// EmbedStyle is how a provider is asked for embeddings where that differs from its
// format. The zero value is the format's plain rule.
type EmbedStyle struct {
	// Shape names another body that asks for the same; see package gemini.
	Shape string
	// Reject and Rename are as in Target. To leave a length of vectors out would
	// change what is asked for, so such a request is refused.
	Reject []string
	Rename map[string]string
	// Task is the field that says what a vector is for, in the provider's words for
	// Gemini's in Tasks; TaskElse is sent where the client says nothing of it.
	Task     string
	Tasks    map[string]string
	TaskElse string
}

// Plain says whether requests and answers are the format's own, so that bytes can
// pass through.
func (s *EmbedStyle) Plain() bool {
	return s.Shape == "" && len(s.Reject) == 0 && len(s.Rename) == 0 && s.TaskElse == ""
}

// LoseEmbed names what a request for embeddings says in the words of other
// formats alone.
func (l *Losses) LoseEmbed(q *llm.EmbedRequest, own llm.Format) {
	for _, f := range q.Extra {
		if f.Format != own {
			l.Lose(f.Name, "the field "+f.Name+" is not known in the format of this provider")
		}
	}
}

// VectorBytes writes a vector as the bytes that OpenAI's base64 holds: floats of
// 32 bits, the least significant byte first.
func VectorBytes(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// BytesVector reads what VectorBytes writes.
func BytesVector(s string) ([]float32, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("an embedding is no base64: %w", err)
	}
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("an embedding of %d bytes isn't made of floats of 32 bits", len(b))
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if f := float64(v[i]); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("an embedding holds %v, which is no number of JSON", v[i])
		}
	}
	return v, nil
}
