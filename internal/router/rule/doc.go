// Package rule compiles and evaluates the conditions of workloads: CEL expressions
// over the facts of a request. What an expression may cost is bounded when it is
// compiled, so that none that was accepted can hold a request up; one that fails
// for a request doesn't hold for it.
package rule
