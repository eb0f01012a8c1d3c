// Package router says which models a request may be answered by, and why.
//
// It is pure: no clock, no I/O, no state; the same name, policy and view give
// the same resolution. So far it resolves names to candidates in order; choosing
// among models by class, price and availability will stand on top of it.
package router
