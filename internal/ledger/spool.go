package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// The spool's segments are files named by their number. Each begins with magic
// and version; then records: length (4 bytes, little endian), CRC-32C of the
// payload, payload. A record is one write, so a process that dies leaves at most
// its last one torn.
const (
	magic        = "OIDOSPL"
	headerSize   = len(magic) + 1
	frameSize    = 8
	segmentSize  = 16 << 20
	maxRecord    = 64 << 10
	maxLate      = 4 << 20
	segmentsFile = "%016d.spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrSpoolFull says that the spool is at its cap: the database has been behind
// for long.
var ErrSpoolFull = errors.New("the ledger's spool is full because the database can't keep up")

// Position is a place in the spool.
type Position struct {
	Segment int64
	Offset  int64
}

func (p Position) before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// spool is the append-only file. It is safe for concurrent use.
type spool struct {
	dir     string
	cap     int64
	segment int64 // a segment of this size is ended
	sync    bool  // after every record
	wake    func()
	log     *slog.Logger

	total atomic.Int64 // bytes in all segments
	dirty atomic.Bool  // written since the last sync

	mu  sync.Mutex // protects following fields
	f   *os.File
	pos Position // where the next record goes
	buf encoder
	// late holds records that couldn't be written: how something ended that had
	// been sent. Without them its turn would stay open and keep the spool.
	late []byte
}

// openSpool starts a new segment after those that are there and those that were
// taken over already.
func openSpool(dir string, o Options, taken Position, wake func()) (*spool, []int64, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the spool: %w", err)
	}
	// Only whole segments are given back, so several must fit under the cap.
	s := &spool{dir: dir, cap: o.SpoolCap, segment: min(segmentSize, o.SpoolCap/4), sync: o.SyncEach, wake: wake, log: o.Log}
	old, err := s.segments()
	if err != nil {
		return nil, nil, err
	}
	next := taken.Segment + 1
	for _, n := range old {
		if info, err := os.Stat(s.path(n)); err == nil {
			s.total.Add(info.Size())
		}
		next = max(next, n+1)
	}
	return s, old, s.begin(next)
}

func (s *spool) path(n int64) string { return filepath.Join(s.dir, fmt.Sprintf(segmentsFile, n)) }

// segments lists the numbers of the segments that are there, in order.
func (s *spool) segments() ([]int64, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	var out []int64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".spool")
		if n, err := strconv.ParseInt(name, 10, 64); ok && err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// begin starts a segment, the first of those from n on whose name is free: a
// start that failed may have left one. Called with mu held, or before anyone
// else knows s. Records go on where they went before when it fails.
func (s *spool) begin(n int64) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_APPEND
	f, err := os.OpenFile(s.path(n), flags, 0o600)
	for errors.Is(err, fs.ErrExist) {
		n++
		f, err = os.OpenFile(s.path(n), flags, 0o600)
	}
	if err != nil {
		return fmt.Errorf("begin a segment of the spool: %w", err)
	}
	if _, err := f.Write(append([]byte(magic), formatVersion)); err != nil {
		return errors.Join(fmt.Errorf("begin a segment of the spool: %w", err), f.Close(), os.Remove(s.path(n)))
	}
	ended := s.f
	s.f, s.pos = f, Position{n, int64(headerSize)}
	s.total.Add(int64(headerSize))
	if ended != nil {
		if err := errors.Join(ended.Sync(), ended.Close()); err != nil {
			return fmt.Errorf("end a segment of the spool: %w", err)
		}
	}
	return nil
}

// full says whether no further turn may be opened.
func (s *spool) full() bool { return s.total.Load() >= s.cap }

// append writes one record; fill encodes its payload. An ending that can't be
// written now waits, and is written before the next record.
func (s *spool) append(k kind, fill func(*encoder)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return fs.ErrClosed
	}
	s.buf.b = append(s.buf.b[:0], 0, 0, 0, 0, 0, 0, 0, 0, byte(k))
	fill(&s.buf)
	payload := s.buf.b[frameSize:]
	if len(payload) > maxRecord {
		return fmt.Errorf("a record of %d bytes is too long for the spool", len(payload))
	}
	binary.LittleEndian.PutUint32(s.buf.b, uint32(len(payload)))
	binary.LittleEndian.PutUint32(s.buf.b[4:], crc32.Checksum(payload, castagnoli))
	err := s.writeLate()
	if err == nil {
		err = s.write(s.buf.b)
	}
	if err != nil {
		if k == openRecord || len(s.late)+len(s.buf.b) > maxLate {
			return err
		}
		s.late = append(s.late, s.buf.b...)
		s.log.Error("how a turn ended waits in memory: the spool can't be written", "bytes", len(s.late), "error", err)
	}
	s.wake()
	return nil
}

// writeLate writes what waits. Called with mu held.
func (s *spool) writeLate() error {
	if len(s.late) == 0 {
		return nil
	}
	if err := s.write(s.late); err != nil {
		return err
	}
	s.late = nil
	return nil
}

// write adds whole records to the segment. Called with mu held.
func (s *spool) write(records []byte) error {
	n, err := s.f.Write(records)
	if err == nil && s.sync {
		err = s.f.Sync()
	}
	if err != nil {
		return s.torn(n, err)
	}
	s.pos.Offset += int64(n)
	s.total.Add(int64(n))
	if !s.sync {
		s.dirty.Store(true)
	}
	if s.pos.Offset >= s.segment {
		// The records are written, whatever becomes of the next segment.
		if err := s.begin(s.pos.Segment + 1); err != nil {
			s.log.Error("the spool's segment was not ended as it should", "error", err)
		}
	}
	return nil
}

// torn cuts off what a failed write left, so that nothing of it counts and the
// records after it can be read.
func (s *spool) torn(written int, cause error) error {
	err := fmt.Errorf("write to the spool: %w", cause)
	if written > 0 {
		if terr := s.f.Truncate(s.pos.Offset); terr != nil {
			// It stays; a fresh segment is the way round it.
			s.pos.Offset += int64(written)
			s.total.Add(int64(written))
			return errors.Join(err, s.begin(s.pos.Segment+1))
		}
	}
	return err
}

// end is where the next record goes.
func (s *spool) end() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pos
}

// flush syncs what was written to disk.
func (s *spool) flush() error {
	if !s.dirty.Swap(false) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("sync the spool: %w", err)
	}
	return nil
}

func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := errors.Join(s.writeLate(), s.f.Sync(), s.f.Close())
	s.f = nil
	return err
}

// drop removes the segments before one, but never that which is being written.
func (s *spool) drop(before int64) error {
	before = min(before, s.end().Segment)
	all, err := s.segments()
	if err != nil {
		return err
	}
	for _, n := range all {
		if n >= before {
			break
		}
		info, err := os.Stat(s.path(n))
		if err == nil {
			err = os.Remove(s.path(n))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a segment of the spool: %w", err)
		}
		if info != nil {
			s.total.Add(-info.Size())
		}
	}
	return nil
}
