//go:build goexperiment.jsonv2

package main

// With this experiment on Go 1.26, go-json-experiment/json hands over to the
// standard library's encoding/json/v2 of that release, which loses embedded
// unknown fields without an error: a request would reach the provider with parts
// missing. The build stops here instead; the compiler prints the text below.
var _ int = "OIDO must not be built with GOEXPERIMENT=jsonv2: unset it and build again"
