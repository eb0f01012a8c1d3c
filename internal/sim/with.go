package sim

import (
	"context"
	"net/http"
	"strings"
)

// listFault is what goes wrong with a list of models.
type listFault int

const (
	listWell  listFault = iota
	listEmpty           // nothing is in it
	listHuge            // it doesn't end
	listOdd             // it is something else
)

// given holds the words of the path that a request came below.
type given struct{}

// with plays the vendors below /with/WORDS, where all that is asked meets the
// words, lists too: for what a model's name can't ask for, and for several
// accounts of one vendor that fare differently.
func (s *Server) with(w http.ResponseWriter, r *http.Request) {
	words := r.PathValue("words")
	var known script
	if unknown := known.add(words); len(unknown) > 0 {
		http.Error(w, "unknown words "+strings.Join(unknown, ", ")+": GET /sim/models lists them", http.StatusBadRequest)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), given{}, words))
	http.StripPrefix("/with/"+words, s.mux).ServeHTTP(w, r)
}

// begin takes in the words of the path and says whether they leave nothing to do.
func (x *exchange) begin() (over bool) {
	x.given, _ = x.r.Context().Value(given{}).(string)
	var s script
	s.add(x.given)
	lists := x.r.Method == http.MethodGet
	switch {
	case s.fault == faultSite:
		x.site()
	case lists && s.list == listHuge:
		x.endless()
	case lists && s.list == listOdd:
		x.json(map[string]string{"status": "ok", "version": "1.7.2"})
	case lists && s.list == listEmpty:
		bare := *x.family
		bare.models = nil
		x.family = &bare
		return false
	default:
		return false
	}
	return true
}

// endless lists models until the client has had enough.
func (x *exchange) endless() {
	x.status = http.StatusOK
	x.w.Header().Set("Content-Type", "application/json")
	piece := []byte(strings.Repeat(`{"id":"one-of-many","object":"model","created":1770000000,"owned_by":"sim"},`, 1000))
	_, err := x.w.Write([]byte(`{"object":"list","data":[`))
	for sent := 0; sent < maxHuge && err == nil; sent += len(piece) {
		_, err = x.w.Write(piece)
	}
}

// site answers as an address that is no API's.
func (x *exchange) site() {
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.status = http.StatusOK
	_, _ = x.w.Write([]byte("<!doctype html>\n<html><head><title>Welcome</title></head><body><h1>Welcome to our site</h1></body></html>\n"))
}

// elsewhere is how the vendor refuses a model that it, or its region, doesn't have.
func (x *exchange) elsewhere() *failure {
	switch x.family.name {
	case "bedrock":
		return refuse("", "", "The provided model identifier is invalid.")
	case "vertex":
		return &failure{
			status: http.StatusNotFound, kind: notFound,
			message: "Publisher Model `projects/" + x.r.PathValue("project") + "/locations/" + x.r.PathValue("location") + "/publishers/google/models/" + x.model +
				"` was not found or your project does not have access to it. Please ensure you are using a valid model version.",
		}
	}
	return unknownModel(x.model)
}
