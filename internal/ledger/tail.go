package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
)

// tail reads records from the spool in order, behind the appender.
type tail struct {
	s  *spool
	f  *os.File
	at Position
	// window holds what was read of the segment from windowAt on.
	window   []byte
	windowAt int64
	known    words
	// damaged counts places that could not be read and were passed over.
	damaged int
}

// next returns the next record that stands before end, where it stands, and
// false when there is none yet. Damaged places are passed over.
func (t *tail) next(end Position) (r record, at Position, ok bool, err error) {
	for t.at.before(end) {
		if t.f == nil {
			if err := t.open(end); err != nil {
				return r, at, false, err
			}
			continue
		}
		last := t.at.Segment == end.Segment
		payload, err := t.frame(last, end)
		if errors.Is(err, io.EOF) {
			t.skip(end)
			continue
		}
		if errors.Is(err, errRecord) {
			t.damaged++
			t.resync(last, end)
			continue
		}
		if err != nil {
			return r, at, false, err
		}
		at = t.at
		t.at.Offset += int64(frameSize + len(payload))
		r, err = decodeRecord(payload, t.known)
		if err != nil {
			t.damaged++ // the frame is whole, so what follows can be read
			continue
		}
		return r, at, true, nil
	}
	return r, at, false, nil
}

// open opens the segment of t.at, or the next one that is there.
func (t *tail) open(end Position) error {
	for t.at.before(end) {
		f, err := os.Open(t.s.path(t.at.Segment))
		if errors.Is(err, fs.ErrNotExist) {
			t.skip(end)
			continue
		}
		if err != nil {
			return fmt.Errorf("read the spool: %w", err)
		}
		head := make([]byte, headerSize)
		// The segment of end was begun by this process.
		if _, err := io.ReadFull(f, head); t.at.Segment < end.Segment && (err != nil || string(head) != magic+string(rune(formatVersion))) {
			t.damaged++
			if err := f.Close(); err != nil {
				return fmt.Errorf("read the spool: %w", err)
			}
			t.skip(end)
			continue
		}
		t.at.Offset = max(t.at.Offset, int64(headerSize))
		t.f = f
		return nil
	}
	return nil
}

// frame returns the payload at t.at, good until the next call: io.EOF at the
// segment's end, errRecord for what is no whole record.
func (t *tail) frame(last bool, end Position) ([]byte, error) {
	head, err := t.peek(frameSize)
	if err != nil {
		return nil, err
	}
	size := int(binary.LittleEndian.Uint32(head))
	sum := binary.LittleEndian.Uint32(head[4:])
	if size == 0 || size > maxRecord || last && t.at.Offset+int64(frameSize+size) > end.Offset {
		return nil, errRecord
	}
	whole, err := t.peek(frameSize + size)
	if err != nil {
		return nil, err
	}
	payload := whole[frameSize:]
	if crc32.Checksum(payload, castagnoli) != sum {
		return nil, errRecord
	}
	return payload, nil
}

// peek returns the n bytes at t.at: io.EOF at the segment's end, errRecord
// where fewer are left.
func (t *tail) peek(n int) ([]byte, error) {
	from := t.at.Offset - t.windowAt
	if from < 0 || from+int64(n) > int64(len(t.window)) {
		if t.window == nil {
			t.window = make([]byte, 0, frameSize+maxRecord)
		}
		read, err := t.f.ReadAt(t.window[:cap(t.window)], t.at.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the spool: %w", err)
		}
		t.window, t.windowAt, from = t.window[:read], t.at.Offset, 0
	}
	switch rest := t.window[from:]; {
	case len(rest) >= n:
		return rest[:n], nil
	case len(rest) == 0:
		return nil, io.EOF
	}
	return nil, errRecord
}

// resync moves on to the next whole record behind a damaged place. Mostly the
// damaged record's length is still good; else every byte is tried, those inside the
// record too, in whose texts clients have a hand.
func (t *tail) resync(last bool, end Position) {
	damaged := t.at.Offset
	if head, err := t.peek(frameSize); err == nil {
		if size := binary.LittleEndian.Uint32(head); size <= maxRecord {
			t.at.Offset += int64(frameSize) + int64(size)
			if _, err := t.frame(last, end); err == nil || t.at == end {
				return
			}
		}
	}
	for t.at.Offset = damaged + 1; !last || t.at.Offset < end.Offset; t.at.Offset++ {
		if _, err := t.frame(last, end); !errors.Is(err, errRecord) {
			return // where that is another failure, next says so
		}
	}
	t.at = end
}

// skip goes on with the next segment. Where there is none yet it goes on where
// the next record will be, since a place beyond that would never be reached.
func (t *tail) skip(end Position) {
	if t.at.Segment >= end.Segment {
		t.at = end
		return
	}
	t.close()
	t.at = Position{t.at.Segment + 1, 0}
}

func (t *tail) close() {
	if t.f != nil {
		t.f.Close()
		t.f = nil
		t.window = t.window[:0]
	}
}
