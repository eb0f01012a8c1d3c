// Package ledger keeps account of every turn: what was asked of whom, what it
// used and cost, how it ended.
//
// A turn first goes into the [Spool], an append-only file: the opening of an
// attempt before it is sent, its close, and the close of the turn before the end
// of the answer leaves. One writer moves what is closed into the database, in
// batches, raw rows and roll-ups in one transaction, idempotent by id. So the
// database may be slow, locked, full or gone while requests go on, and a process
// that dies loses nothing that was answered: at the next start the spool is read
// again, and what was open becomes an interrupted turn.
//
// Roll-ups always equal the sum of the rows that were ever written; removing old
// rows does not move them. Money is in whole nano-dollars, and an unknown price
// stays unknown.
package ledger
