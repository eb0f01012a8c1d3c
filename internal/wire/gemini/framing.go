package gemini

import "github.com/oidostudio/oido/internal/wire"

var _ wire.Framer = Format{}

// Framing returns the framing of a stream without alt=sse, one array. Providers
// are asked for events all the same: those can be passed on one by one.
func (Format) Framing(r wire.RawRequest) wire.Framing {
	if r.Query.Get("alt") == "sse" {
		return nil
	}
	return &array{}
}

// array frames the chunks of a stream as the elements of an array.
type array struct{ begun bool }

func (a *array) Frame(dst, data []byte) []byte {
	if a.begun {
		dst = append(dst, ",\r\n"...)
	} else {
		dst = append(dst, '[')
	}
	a.begun = true
	return append(dst, data...)
}

func (a *array) End(dst []byte) []byte {
	if !a.begun {
		dst = append(dst, '[')
	}
	return append(dst, ']')
}
