// Package record writes and reads the fields of a stored record: lengths as
// uvarints, times as Unix nanoseconds. It knows no record's meaning; each stage
// begins its own records with a version.
package record

import (
	"encoding/binary"
	"errors"
	"time"
)

// ErrTruncated says that a record ends before its last field.
var ErrTruncated = errors.New("record: truncated")

// Writer appends fields to a record.
type Writer struct{ b []byte }

// NewWriter begins a record with its version.
func NewWriter(version byte) *Writer {
	return &Writer{b: append(make([]byte, 0, 256), version)}
}

func (w *Writer) Bytes() []byte { return w.b }

func (w *Writer) Uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }

func (w *Writer) String(s string) {
	w.Uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *Writer) Blob(p []byte) {
	w.Uint(uint64(len(p)))
	w.b = append(w.b, p...)
}

// Time keeps the wall clock's nanoseconds; the zero time stays zero.
func (w *Writer) Time(t time.Time) {
	if t.IsZero() {
		w.b = binary.AppendVarint(w.b, 0)
		return
	}
	w.b = binary.AppendVarint(w.b, t.UnixNano())
}

// Reader takes fields off a record in the order in which they were written.
// After the first error all that follow read as zero, so one check at the end
// is enough.
type Reader struct {
	b   []byte
	err error
}

// NewReader begins to read a record and tells its version.
func NewReader(b []byte) (*Reader, byte) {
	if len(b) == 0 {
		return &Reader{err: ErrTruncated}, 0
	}
	return &Reader{b: b[1:]}, b[0]
}

// Err is the first error.
func (r *Reader) Err() error { return r.err }

func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	return r.taken(v, n)
}

func (r *Reader) taken(v uint64, n int) uint64 {
	if n <= 0 {
		r.err, r.b = ErrTruncated, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Blob is a copy of a field of bytes.
func (r *Reader) Blob() []byte {
	n := r.Uint()
	if n > uint64(len(r.b)) {
		r.err, r.b = ErrTruncated, nil
		return nil
	}
	p := append([]byte(nil), r.b[:n]...)
	r.b = r.b[n:]
	return p
}

func (r *Reader) String() string { return string(r.Blob()) }

func (r *Reader) Time() time.Time {
	v, n := binary.Varint(r.b)
	if r.taken(0, n); r.err != nil || v == 0 {
		return time.Time{}
	}
	return time.Unix(0, v)
}
