// Package sqlite keeps rows in an embedded SQLite database: one writer
// connection, several readers, write-ahead log.
//
// The SQL lies beside the code in sql/, a file a domain; the schema in
// migrations/, numbered and never edited once released. Every query of work
// names its org. A data directory belongs to one process at a time, which a lock
// file holds.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed sql/*.sql
var queryFiles embed.FS

// Store is an open database. It is safe for concurrent use.
type Store struct {
	write, read *sql.DB
	zone        *time.Location
	lock        *os.File

	transacting transactor

	mu       sync.Mutex // protects following fields
	prepared map[string]*sql.Stmt
}

const pragmas = "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_pragma=auto_vacuum(incremental)&_pragma=cache_size(-8000)&_pragma=wal_autocheckpoint(4000)&_txlock=immediate"

// Open opens the database in a data directory, and makes or migrates it where
// that is needed. Days are cut in zone.
func Open(ctx context.Context, dir string, zone *time.Location) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{zone: zone, lock: lock, prepared: map[string]*sql.Stmt{}}
	file := filepath.Join(dir, "oido.db")
	// Made here, so that only its owner can read it wherever the folder is; its
	// companions take after it.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", err), s.Close())
	}
	path := (&url.URL{Scheme: "file", Opaque: url.PathEscape(file)}).String() + pragmas
	if s.write, err = sql.Open("sqlite", path); err == nil {
		s.write.SetMaxOpenConns(1)
		s.read, err = sql.Open("sqlite", path)
	}
	if err == nil {
		s.read.SetMaxOpenConns(4)
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", file, err), s.Close())
	}
	return s, nil
}

// acquire locks the data directory for this process.
func acquire(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only for the message
		return nil, errors.Join(fmt.Errorf("the data directory %s is in use by process %s: stop that one, or give --data-dir another folder", dir, strings.TrimSpace(string(holder))), f.Close())
	}
	if err := f.Truncate(0); err == nil {
		_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), f.Close())
		}
	}
	return f, nil
}

func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.write, dir, goose.WithDisableGlobalRegistry(true), goose.WithTableName("migrations"))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// Close closes the database and lets go of the data directory.
func (s *Store) Close() error {
	var errs []error
	s.mu.Lock()
	for _, st := range s.prepared {
		errs = append(errs, st.Close())
	}
	s.mu.Unlock()
	errs = append(errs, s.transacting.close())
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// queries are the statements of sql/ by their names.
var queries = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	files, err := fs.Glob(queryFiles, "sql/*.sql")
	if err != nil {
		panic("sqlite: embedded queries: " + err.Error()) // fixed at build time; every test runs it
	}
	for _, name := range files {
		text, err := fs.ReadFile(queryFiles, name)
		if err != nil {
			panic("sqlite: embedded queries: " + err.Error())
		}
		for _, q := range strings.Split(string(text), "-- name: ")[1:] {
			title, body, _ := strings.Cut(q, "\n")
			out[strings.TrimSpace(title)] = strings.TrimSuffix(strings.TrimSpace(body), ";")
		}
	}
	return out
})

// stmt returns a prepared statement on the reading or writing connections.
func (s *Store) stmt(ctx context.Context, db *sql.DB, name string) (*sql.Stmt, error) {
	id := name
	if db == s.write {
		id = "w " + name
	}
	s.mu.Lock()
	st := s.prepared[id]
	s.mu.Unlock()
	if st != nil {
		return st, nil
	}
	text, ok := queries()[name]
	if !ok {
		return nil, fmt.Errorf("no query is named %q", name)
	}
	st, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.prepared[id]; other != nil {
		return other, st.Close()
	}
	s.prepared[id] = st
	return st, nil
}

func (s *Store) query(ctx context.Context, name string, args ...any) (*sql.Rows, error) {
	st, err := s.stmt(ctx, s.read, name)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (s *Store) exec(ctx context.Context, name string, args ...any) (sql.Result, error) {
	st, err := s.stmt(ctx, s.write, name)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(ctx, args...)
}
