package transaction

import (
	"bytes"
	"encoding/binary"
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

// shard keeps places in two maps that take turns, so that none has to be taken
// out by itself: what is older than Timer J counts as gone.
type shard struct {
	mu         sync.Mutex
	young, old map[key]place
	turned     uint32 // the second that young began
	slabs      map[uint32]*slab
	spare      *slab // one that is used again
}

// slab holds the responses that were kept within one second, and is dropped as a
// whole.
type slab struct {
	count  int64 // transactions that end with it
	chunks [][]byte
	used   int // of the chunks
}

// kept is how many seconds a place lasts: Timer J, and the one that it began in.
const kept = uint32(TimerJ/time.Second) + 1

func (s *servers) init(limit int) {
	s.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	s.max, s.began = int64(limit), time.Now()
	for i := range s.shards {
		sh := &s.shards[i]
		sh.young, sh.old, sh.slabs = map[key]place{}, map[key]place{}, map[uint32]*slab{}
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
	if method == sip.INVITE {
		return s.hash(appendOldInvite(b, m))
	}
	for _, h := range [...]sip.Header{sip.Via, sip.From, sip.To, sip.CallID, sip.CSeq} {
		b = append(append(b, 0), m.Value(h)...)
	}
	return s.hash(b)
}

// appendOldInvite appends what an INVITE, its ACK and its CANCEL have in common,
// without the magic cookie.
func appendOldInvite(b []byte, m *sip.Message) []byte {
	for via := range m.Elements(sip.Via) {
		b = append(append(b, 0), via...)
		break
	}
	if from, err := m.From(); err == nil {
		b = append(append(b, 0), from.Tag()...)
	}
	b = append(append(b, 0), m.CallID()...)
	c, _ := m.CSeq()
	return binary.BigEndian.AppendUint32(append(b, 0), c.Number)
}

// mergeKey names a request however it came here (RFC 3261 §8.2.2.2). A request
// inside a dialog, or one that answers a challenge with the number of the one
// that was challenged, has none; nor have those that a proxy may see twice.
func (s *servers) mergeKey(m *sip.Message) (key, bool) {
	to, err := m.To()
	if err != nil || len(to.Tag()) > 0 || m.Has(sip.Authorization) || m.Method() == sip.CANCEL || m.Method() == sip.MESSAGE {
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
	_, ok := sh.get(k, s.second())
	return ok
}

// get finds a place that is not too old.
func (sh *shard) get(k key, now uint32) (place, bool) {
	p, ok := sh.young[k]
	if !ok {
		p, ok = sh.old[k]
	}
	return p, ok && now < p.second+kept
}

func (sh *shard) delete(k key) {
	delete(sh.young, k)
	delete(sh.old, k)
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
	sh := s.shard(k)
	sh.mu.Lock()
	now := s.second() // under the lock: what expire has dropped is too old by now
	if p, ok := sh.get(k, now); ok {
		b = append(b, sh.response(p)...)
		sh.mu.Unlock()
		return repeated, b
	}
	if s.open.Load() >= s.max {
		sh.mu.Unlock()
		return full, nil
	}
	s.open.Add(1)
	sh.slab(now).count++
	sh.young[k] = place{second: now}
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
	if p, ok := sh.get(mk, now); ok {
		return p.offset != uint32(k[1])|1
	}
	sh.young[mk] = place{second: now, offset: uint32(k[1]) | 1}
	return false
}

func (sh *shard) slab(second uint32) *slab {
	sl := sh.slabs[second]
	if sl == nil {
		if sl = sh.spare; sl == nil {
			sl = &slab{}
		}
		sh.slabs[second], sh.spare = sl, nil
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
	now := s.second()
	p, ok := sh.get(k, now)
	if !ok || len(response) > 0xffff {
		return
	}
	sl := sh.slab(now)
	if p.second != now {
		sh.slabs[p.second].count--
		sl.count++
	}
	p = place{second: now, size: uint16(len(response))}
	p.chunk, p.offset = sl.keep(response)
	sh.young[k] = p
}

// keep appends b to the chunk in use, or to the next if it has no room. The first
// chunk is small, since most slabs of a quiet server hold little.
func (sl *slab) keep(b []byte) (chunk uint16, offset uint32) {
	last := sl.used - 1
	if last < 0 || cap(sl.chunks[last])-len(sl.chunks[last]) < len(b) {
		last++
		sl.used++
		if last == len(sl.chunks) {
			sl.chunks = append(sl.chunks, nil)
		}
		if size := max(min(last, 1)*32<<10, 2<<10, len(b)); cap(sl.chunks[last]) < size {
			sl.chunks[last] = make([]byte, 0, size)
		}
	}
	c := sl.chunks[last]
	sl.chunks[last] = append(c, b...)
	return uint16(last), uint32(len(c))
}

// empty makes a slab ready to be used again; what it did not need this time it
// gives up.
func (sl *slab) empty() {
	clear(sl.chunks[sl.used:])
	sl.chunks = sl.chunks[:sl.used]
	for i, c := range sl.chunks {
		sl.chunks[i] = c[:0]
	}
	sl.count, sl.used = 0, 0
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
	if p, ok := sh.get(mk, s.second()); ok && p.offset == uint32(k[1])|1 {
		sh.delete(mk)
	}
}

func (s *servers) drop(k key) {
	sh := s.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if p, ok := sh.get(k, s.second()); ok {
		sh.delete(k)
		sh.slab(p.second).count--
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
		if now < second+kept {
			continue
		}
		s.open.Add(-sl.count)
		delete(sh.slabs, second)
		sl.empty()
		sh.spare = sl
	}
	if now >= sh.turned+kept { // nothing in old is young enough
		sh.old, sh.young, sh.turned = sh.young, make(map[key]place, len(sh.young)), now
	}
	return len(sh.slabs) > 0 || len(sh.old) > 0 || len(sh.young) > 0
}
