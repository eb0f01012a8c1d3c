package writebehind

import (
	"context"
	"time"
)

const (
	// batch is how many changes are written at once at most, gather for how long
	// the first of them waits for others: a transaction costs more than its rows.
	batch  = 256
	gather = 100 * time.Millisecond
	// forgetEvery is how often expired rows are looked for, forgetMost how many
	// times then in a row.
	forgetEvery = time.Minute
	forgetMost  = 200
	// patientTries is how many tries go by before it is told that the table can't,
	// longestPause the time between them at last.
	patientTries = 5
	longestPause = 5 * time.Second
)

// write stores what was kept, in batches and in order, and now and then forgets
// what has expired.
func (c *Cache[V]) write() {
	defer close(c.done)
	forget := time.NewTicker(forgetEvery)
	defer forget.Stop()
	for closing := false; ; {
		var changes []*change
		if !closing {
			select {
			case ch := <-c.queue:
				changes = c.gather(ch)
			case <-forget.C:
				c.forget()
				continue
			case <-c.closing:
				closing = true
			}
		}
		for len(changes) < batch && len(c.queue) > 0 {
			changes = append(changes, <-c.queue)
		}
		if len(changes) == 0 {
			return
		}
		c.settle(changes, c.store(changes))
	}
}

// gather waits for what comes shortly after a change, unless somebody waits for it
// or much is on its way already.
func (c *Cache[V]) gather(first *change) []*change {
	changes := []*change{first}
	late := time.NewTimer(gather)
	defer late.Stop()
	for changes[len(changes)-1].written == nil && len(changes) < batch && c.waiting.Load() < int64(c.o.Bytes/8) {
		select {
		case ch := <-c.queue:
			changes = append(changes, ch)
		case <-late.C:
			return changes
		case <-c.closing:
			return changes
		}
	}
	return changes
}

// store writes a batch, trying again as long as the table can't: what waits behind
// it is bounded, and found in memory. The error says that the time is over.
func (c *Cache[V]) store(changes []*change) error {
	rows := make([]Row, len(changes))
	for i := range changes {
		rows[i] = changes[i].row
	}
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(c.storing, 10*time.Second)
		err := c.o.Table.Write(ctx, rows)
		cancel()
		if err == nil {
			return nil
		}
		if c.storing.Err() != nil {
			c.o.Log.Error(c.o.What+" not stored: after a restart it is lost", "rows", len(rows), "error", err)
			return err
		}
		if try == patientTries {
			c.o.Log.Warn(c.o.What+" not stored yet: the database can't", "rows", len(rows), "error", err)
		}
		select {
		case <-c.storing.Done():
		case <-time.After(min(time.Duration(try)*200*time.Millisecond, longestPause)):
		}
	}
}

// settle lets changes wait no more.
func (c *Cache[V]) settle(changes []*change, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range changes {
		if ch.written != nil {
			if err == nil {
				c.removed(ch)
			}
			ch.written <- err
			continue
		}
		c.waiting.Add(-int64(len(ch.row.Data)))
		e := c.entries[ch.id] // what waits is not let go of
		e.waits--
		c.rest(e)
	}
}

func (c *Cache[V]) forget() {
	if c.o.Table == nil {
		return
	}
	for range forgetMost {
		ctx, cancel := context.WithTimeout(c.storing, 10*time.Second)
		more, err := c.o.Table.Forget(ctx, c.o.Now().UTC())
		cancel()
		if err != nil {
			c.o.Log.Warn("expired "+c.o.What+" not forgotten yet", "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}
