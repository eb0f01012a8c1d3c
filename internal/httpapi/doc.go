// Package httpapi is the edge: it turns HTTP requests into calls of the gateway
// and answers into HTTP. It decodes, calls, encodes, and decides nothing about
// models.
//
// It promises that a key is checked before a byte of a body is read, that every
// body, header and wait is bounded, that every error is written in the format of
// the API that was called, and that an answer which broke off is never ended as
// if it were whole.
package httpapi
