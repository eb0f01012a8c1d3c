package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
)

// execer runs one of the queries of sql/ inside a transaction. Its arguments
// are of the driver's own types: int64, float64, bool, []byte, string or nil.
type execer func(query string, args ...any) (driver.Result, error)

// transactor keeps the statements of the writing connection. Rows are written
// by the thousand, and database/sql's bookkeeping of each statement would be a
// third of their cost, so transactions speak to the driver itself.
type transactor struct {
	mu    sync.Mutex // held while a transaction runs; protects following fields
	conn  driverConn
	stmts map[string]statement
	args  []driver.NamedValue
}

type driverConn interface {
	driver.ConnBeginTx
	driver.ConnPrepareContext
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
}

// inTx runs f in one transaction on the writing connection.
func (s *Store) inTx(ctx context.Context, f func(exec execer) error) error {
	pooled, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	err = pooled.Raw(func(c any) error {
		conn, ok := c.(driverConn)
		if !ok {
			return fmt.Errorf("the SQLite driver's connection %T has no transactions", c)
		}
		return s.transacting.run(ctx, conn, f)
	})
	return errors.Join(err, pooled.Close())
}

func (t *transactor) run(ctx context.Context, conn driverConn, f func(exec execer) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != conn {
		t.conn, t.stmts = conn, map[string]statement{}
	}
	tx, err := conn.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	// A statement under a context that can end costs a goroutine.
	within := context.WithoutCancel(ctx)
	err = f(func(query string, args ...any) (driver.Result, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		st, err := t.prepared(within, query)
		if err != nil {
			return nil, err
		}
		t.args = t.args[:0]
		for i, a := range args {
			t.args = append(t.args, driver.NamedValue{Ordinal: i + 1, Value: a})
		}
		return st.ExecContext(within, t.args)
	})
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (t *transactor) prepared(ctx context.Context, query string) (statement, error) {
	if st := t.stmts[query]; st != nil {
		return st, nil
	}
	text, ok := queries()[query]
	if !ok {
		return nil, fmt.Errorf("no query is named %q", query)
	}
	st, err := t.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	quick, ok := st.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's statement %T takes no context", st), st.Close())
	}
	t.stmts[query] = quick
	return quick, nil
}

// close lets go of the statements, without which the connection would not end.
func (t *transactor) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, st := range t.stmts {
		errs = append(errs, st.Close())
	}
	t.conn, t.stmts = nil, nil
	return errors.Join(errs...)
}
