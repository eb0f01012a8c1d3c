// Package app puts the parts together: a configuration becomes a running server.
//
// It promises that what it opened it closes again, in the reverse order, with
// streams finished and the spool drained; and that a changed file is in force at
// the next request or not at all. It decides nothing about requests: that is the
// business of the packages that it joins.
package app
