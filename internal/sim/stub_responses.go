package sim

import "net/http"

type responsesFormat struct{ chatFormat }

var _ http.Header
