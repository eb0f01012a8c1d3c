// Package router says which models may answer a request, in which order, and why.
//
// It is pure: no clock, no I/O, no state; the same request, routes and health of
// providers give the same plan. A plan is small enough to be kept with its turn,
// and tells in words what it came to be by.
package router
