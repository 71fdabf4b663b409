package transaction

import (
	"bytes"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"lamplight/sip"
)

// key names a server transaction by a hash of what RFC 3261 §17.2.3 matches by.
type key [2]uint64

// place is where a response is kept: in a slab's chunk. Neither key nor place
// holds a pointer, so that the collector does not walk the table.
type place struct {
	second uint32 // the slab: seconds since the table began
	chunk  uint16
	size   uint16 // 0: no response yet
	offset uint32
}

// servers are the server transactions, in shards by key.
type servers struct {
	seeds  [2]maphash.Seed
	shards [16]shard
	open   atomic.Int64
	max    int64
	began  time.Time

	expired uint32 // the second that expire has done; the clock's own
}

type shard struct {
	mu     sync.Mutex
	places map[key]place
	slabs  map[uint32]*slab
}

// slab holds what was kept within one second, and is dropped as a whole.
type slab struct {
	keys   []key
	chunks [][]byte
}

func (s *servers) init(limit int) {
	s.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	s.max, s.began = int64(limit), time.Now()
	for i := range s.shards {
		s.shards[i].places = map[key]place{}
		s.shards[i].slabs = map[uint32]*slab{}
	}
}

func (s *servers) shard(k key) *shard { return &s.shards[k[0]%uint64(len(s.shards))] }

func (s *servers) second() uint32 { return uint32(time.Since(s.began) / time.Second) }

func (s *servers) hash(b []byte) key {
	return key{maphash.Bytes(s.seeds[0], b), maphash.Bytes(s.seeds[1], b)}
}

var cookie = []byte("z9hG4bK")

// keyOf matches by branch, sent-by and method; a request of an older client,
// without the branch's magic cookie, by all that its retransmission repeats.
func (s *servers) keyOf(m *sip.Message) key { return s.keyFor(m, m.Method()) }

// keyFor is the key of a request of another method that is the same otherwise.
func (s *servers) keyFor(m *sip.Message, method sip.Method) key {
	var scratch [512]byte
	b := append(scratch[:0], method...)
	// The cookie alone is no branch (RFC 4475 §3.2.1).
	if v, err := m.TopVia(); err == nil && bytes.HasPrefix(v.Branch(), cookie) && len(v.Branch()) > len(cookie) {
		b = append(append(b, 0), v.Branch()...)
		b = append(b, 0)
		for _, c := range v.Host {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			b = append(b, c)
		}
		b = append(append(b, ':'), v.Port...)
		return s.hash(b)
	}
	b = append(append(b, 0), m.RequestURI()...)
	for _, h := range [...]sip.Header{sip.Via, sip.From, sip.To, sip.CallID, sip.CSeq} {
		b = append(append(b, 0), m.Value(h)...)
	}
	return s.hash(b)
}

// mergeKey names a request however it came here (RFC 3261 §8.2.2.2). A request
// inside a dialog, or one that answers a challenge with the number of the one
// that was challenged, has none.
func (s *servers) mergeKey(m *sip.Message) (key, bool) {
	to, err := m.To()
	if err != nil || len(to.Tag()) > 0 || m.Has(sip.Authorization) {
		return key{}, false
	}
	from, err := m.From()
	if err != nil {
		return key{}, false
	}
	var scratch [512]byte
	b := append(scratch[:0], "merge\x00"...)
	b = append(append(b, from.Tag()...), 0)
	b = append(append(b, m.CallID()...), 0)
	return s.hash(append(b, m.Value(sip.CSeq)...)), true
}

func (s *servers) has(k key) bool {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	_, ok := sh.places[k]
	return ok
}

type beginning int

const (
	fresh beginning = iota
	repeated
	merged
	full
)

// begin opens a transaction, unless there is one already: then the response
// that was kept is appended to b, if there is any yet.
func (s *servers) begin(k key, m *sip.Message, b []byte) (beginning, []byte) {
	now := s.second()
	sh := s.shard(k)
	sh.mu.Lock()
	if p, ok := sh.places[k]; ok {
		b = append(b, sh.response(p)...)
		sh.mu.Unlock()
		return repeated, b
	}
	if s.open.Load() >= s.max {
		sh.mu.Unlock()
		return full, nil
	}
	s.open.Add(1)
	sh.put(k, place{second: now})
	sh.mu.Unlock()
	if mk, ok := s.mergeKey(m); ok && s.isMerged(mk, k, now) {
		s.drop(k)
		return merged, nil
	}
	return fresh, nil
}

// isMerged tells whether the same request came by another way before; the place
// of a merge key holds a part of the transaction's key.
func (s *servers) isMerged(mk, k key, now uint32) bool {
	sh := s.shard(mk)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if p, ok := sh.places[mk]; ok {
		return p.offset != uint32(k[1])|1
	}
	sh.put(mk, place{second: now, offset: uint32(k[1]) | 1})
	return false
}

func (sh *shard) put(k key, p place) {
	sh.places[k] = p
	sl := sh.slab(p.second)
	sl.keys = append(sl.keys, k)
}

func (sh *shard) slab(second uint32) *slab {
	sl := sh.slabs[second]
	if sl == nil {
		sl = &slab{}
		sh.slabs[second] = sl
	}
	return sl
}

func (sh *shard) response(p place) []byte {
	if p.size == 0 {
		return nil
	}
	return sh.slabs[p.second].chunks[p.chunk][p.offset : p.offset+uint32(p.size)]
}

// answered keeps a response. One too large to keep is not: the retransmission
// is then absorbed without an answer, and the client's last resort is its time.
func (s *servers) answered(k key, response []byte) {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, ok := sh.places[k]; !ok || len(response) > 0xffff {
		return
	}
	p := place{second: s.second(), size: uint16(len(response))}
	p.chunk, p.offset = sh.slab(p.second).keep(response)
	sh.put(k, p)
}

// keep appends b to the last chunk that has room. The first chunk is small,
// since most slabs of a quiet server hold little.
func (sl *slab) keep(b []byte) (chunk uint16, offset uint32) {
	last := len(sl.chunks) - 1
	if last < 0 || cap(sl.chunks[last])-len(sl.chunks[last]) < len(b) {
		size := 2 << 10
		if last >= 0 {
			size = 32 << 10
		}
		sl.chunks = append(sl.chunks, make([]byte, 0, max(size, len(b))))
		last++
	}
	c := sl.chunks[last]
	sl.chunks[last] = append(c, b...)
	return uint16(last), uint32(len(c))
}

// forget ends a transaction as if it had not been.
func (s *servers) forget(k key, m *sip.Message) {
	s.drop(k)
	mk, ok := s.mergeKey(m)
	if !ok {
		return
	}
	sh := s.shard(mk)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if p, ok := sh.places[mk]; ok && p.offset == uint32(k[1])|1 {
		delete(sh.places, mk)
	}
}

func (s *servers) drop(k key) {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, ok := sh.places[k]; ok {
		delete(sh.places, k)
		s.open.Add(-1)
	}
}

// expire drops the slabs that are past Timer J, and tells when to come again.
func (s *servers) expire(now time.Time) time.Duration {
	second := uint32(now.Sub(s.began) / time.Second)
	if second == s.expired {
		return time.Second
	}
	s.expired = second
	left := false
	for i := range s.shards {
		left = s.expireShard(&s.shards[i], second) || left
	}
	if left {
		return time.Second
	}
	return 0
}

func (s *servers) expireShard(sh *shard, now uint32) (left bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for second, sl := range sh.slabs {
		if now < second+uint32(TimerJ/time.Second)+1 {
			continue
		}
		for _, k := range sl.keys {
			s.expireKey(sh, k, second)
		}
		delete(sh.slabs, second)
	}
	return len(sh.slabs) > 0
}

func (s *servers) expireKey(sh *shard, k key, second uint32) {
	p, ok := sh.places[k]
	if !ok || p.second != second {
		return // answered later, or forgotten
	}
	delete(sh.places, k)
	// A merge key's place has no response, but an offset; it is no transaction.
	if p.size > 0 || p.offset == 0 {
		s.open.Add(-1)
	}
}
