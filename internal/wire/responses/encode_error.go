package responses

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// codes are this format's own words for a kind.
var codes = map[llm.Kind]string{llm.KindReasoning: "invalid_encrypted_content"}

// EncodeError writes a failure.
func (Format) EncodeError(e *llm.Error) (int, []byte) {
	status, out := wire.ShowOpenAI(e, codes)
	body, err := json.Marshal(struct {
		Error wire.OpenAIError `json:"error"`
	}{out}, exact)
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":{"message":"the error can't be written","type":"server_error","param":null,"code":null}}`)
	}
	return status, body
}
