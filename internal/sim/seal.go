package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"io"
	"strings"
)

// seal signs reasoning for the model that wrote it. The text rides inside, so
// that one seal serves as a signature and as encrypted content.
func (s *Server) seal(model, reasoning string) string {
	return base64.StdEncoding.EncodeToString(append(s.mac("seal", signer(model), reasoning), reasoning...))
}

// sealed says whether a seal is one that the model gave, and for which text.
func (s *Server) sealed(model, seal string) (reasoning string, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(seal)
	if err != nil || len(raw) < macSize {
		return "", false
	}
	reasoning = string(raw[macSize:])
	return reasoning, hmac.Equal(raw[:macSize], s.mac("seal", signer(model), reasoning))
}

// signer is the name by which a model signs: without a vendor before it or a
// variant after it.
func signer(model string) string {
	if i := strings.LastIndexByte(model, '/'); i >= 0 {
		model = model[i+1:]
	}
	model, _, _ = strings.Cut(model, ":")
	return model
}

const macSize = 24

// mac signs text under the server's seed.
func (s *Server) mac(parts ...string) []byte {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], s.seed)
	h := hmac.New(sha256.New, key[:])
	for _, part := range parts {
		_, _ = io.WriteString(h, part)
		_, _ = h.Write([]byte{0})
	}
	return h.Sum(nil)[:macSize]
}

// newID returns n letters and digits that no other id has.
func (s *Server) newID(n int) string {
	var count [8]byte
	binary.BigEndian.PutUint64(count[:], s.ids.Add(1))
	return hex.EncodeToString(s.mac("id", string(count[:])))[:n]
}

// A call id tells whether its turn had reasoning, and of which model, so that the
// simulator knows what it must see again without remembering anything.
const (
	thoughtMark = "t"
	plainMark   = "p"
	markSize    = 8
	callIDSize  = 24
)

// newCallID returns the part of a call's id that formats put a prefix before.
func (s *Server) newCallID(p *prompt) string {
	mark := plainMark
	if p.reasons {
		mark = thoughtMark
	}
	return s.newID(callIDSize-markSize-1) + mark + s.modelMark(p.model)
}

// thought says whether the call with that id was made by the model after
// reasoning.
func (s *Server) thought(model, id string) bool {
	return strings.HasSuffix(id, thoughtMark+s.modelMark(model))
}

func (s *Server) modelMark(model string) string {
	return hex.EncodeToString(s.mac("model", signer(model)))[:markSize]
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	return h.Sum64()
}
