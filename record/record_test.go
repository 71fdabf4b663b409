package record

import (
	"bytes"
	"testing"
	"time"
)

func TestFieldsComeBackInOrder(t *testing.T) {
	at := time.Unix(1_700_000_000, 42)
	w := NewWriter(3)
	w.Uint(7)
	w.String("sip:alice@example.test")
	w.Time(at)
	w.Time(time.Time{})
	w.Blob([]byte{0, 1})

	r, version := NewReader(w.Bytes())
	if version != 3 || r.Uint() != 7 || r.String() != "sip:alice@example.test" ||
		!r.Time().Equal(at) || !r.Time().IsZero() || !bytes.Equal(r.Blob(), []byte{0, 1}) || r.Err() != nil {
		t.Fatalf("fields changed on the way, error %v", r.Err())
	}
}

func TestTruncatedRecordIsAnErrorAtEveryByte(t *testing.T) {
	w := NewWriter(1)
	w.String("alice")
	w.Time(time.Unix(1, 0))
	w.Blob([]byte("document"))
	for n := range len(w.Bytes()) {
		r, _ := NewReader(w.Bytes()[:n])
		_, _, _ = r.String(), r.Time(), r.Blob()
		if r.Err() == nil {
			t.Errorf("cut at %d: no error", n)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 5, 'a'})
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, _ := NewReader(b)
		_, _, _ = r.Blob(), r.Time(), r.Uint()
	})
}
