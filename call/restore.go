package call

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/record"
)

// KindCall is the kind of a call's record.
const KindCall byte = 'c'

// evidenceStep is how exactly it is stored when something was last heard, so that
// not every sign of life is written.
const evidenceStep = 30 * time.Second

// probeSpread is how far apart calls are asked for a sign of life after a start.
const probeSpread = 2 * time.Second

var (
	errVersion = errors.New("written by another version of the server")
	errBounds  = errors.New("more than a call can have")
)

// save stores a call where something of it has changed.
func (s *Calls) save(t *owner.Turn, c *call) {
	if !t.Durable() {
		return
	}
	b := c.encode()
	h := fnv.New64a()
	h.Write(b)
	if sum := max(h.Sum64(), 1); sum != c.saved {
		c.saved = sum
		t.Save(owner.Record{Key: owner.Key(Key(c.id), KindCall, ""), Value: b})
	}
}

func (s *Calls) unsave(t *owner.Turn, c *call) {
	if c.saved != 0 {
		t.Save(owner.Record{Key: owner.Key(Key(c.id), KindCall, "")})
	}
}

func (c *call) encode() []byte {
	w := record.NewWriter(1)
	w.String(c.id)
	w.Time(c.touched.Truncate(evidenceStep))
	w.Uint(uint64(len(c.invitations)))
	for _, i := range c.invitations {
		i.encode(w)
	}
	w.Uint(uint64(len(c.dialogs)))
	for _, d := range c.dialogs {
		d.encode(w)
	}
	w.Uint(uint64(len(c.branches)))
	for _, b := range c.branches {
		w.Uint(uint64(slices.Index(c.invitations, b.of)))
		b.encode(w)
	}
	return w.Bytes()
}

func (i *invitation) encode(w *record.Writer) {
	w.String(i.fromTag)
	w.Uint(uint64(i.cseq))
	encodeParty(w, &i.caller)
	encodeParty(w, &i.callee)
	w.Time(i.began)
	w.Uint(flags(i.internal, i.cancelled, i.kept))
	w.Uint(uint64(i.code))
	w.String(i.reason)
}

func (b *branch) encode(w *record.Writer) {
	w.String(b.id)
	encodeParty(w, &b.callee)
	w.String(b.binding)
	encodeStrings(w, b.tags)
	w.Uint(flags(b.provisional, b.cancelled, b.expired))
	w.Uint(uint64(b.code))
	w.String(b.reason)
	w.Time(b.last.Truncate(evidenceStep))
	w.Time(b.lost)
}

func (d *dialog) encode(w *record.Writer) {
	w.String(d.fromTag)
	w.String(d.toTag)
	w.Time(d.answered)
	w.Uint(uint64(d.end))
	w.Time(d.ended)
	w.Uint(flags(d.replaced))
	encodeParty(w, &d.by)
	w.Time(d.session)
	for e := range d.ends {
		f := &d.ends[e]
		w.String(f.target)
		encodeStrings(w, f.routes)
		w.Uint(uint64(f.cseq))
		w.Uint(uint64(f.holding))
		w.Uint(flags(f.held, f.answers))
		w.Time(f.heard.Truncate(evidenceStep))
		w.Time(f.lost)
	}
}

func encodeParty(w *record.Writer, p *Party) {
	w.String(string(p.AoR))
	w.String(p.URI)
	w.String(p.Display)
	w.Uint(flags(p.Private))
}

func encodeStrings(w *record.Writer, list []string) {
	w.Uint(uint64(len(list)))
	for _, s := range list {
		w.String(s)
	}
}

func flags(list ...bool) (bits uint64) {
	for n, set := range list {
		if set {
			bits |= 1 << n
		}
	}
	return bits
}

// Restore takes a stored call in: its users' lamps show it again, and both ends
// are asked for a sign of life. How long it is believed in counts from before, but
// they have time to answer.
func (s *Calls) Restore(t *owner.Turn, key string, _ byte, _ string, value []byte) error {
	c, err := decode(value)
	if err == nil && Key(c.id) != key {
		err = errBounds
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	share := s.calls[owner.Partition(key)]
	if share[key] == nil {
		s.live.Add(1)
	}
	share[key] = c
	h := fnv.New64a()
	h.Write([]byte(key))
	ask := t.Now.Add(time.Duration(h.Sum64() % uint64(probeSpread)))
	for _, d := range c.dialogs {
		d.ask, d.grace = ask, ask.Add(s.opt.Evidence.Lost)
	}
	c.saved = 1 // something is
	s.settle(t, c)
	return nil
}

func decode(value []byte) (*call, error) {
	reader, version := record.NewReader(value)
	r := &decoder{Reader: reader}
	c := &call{id: r.String(), touched: r.Time(), lamps: map[event.AoR]*lamp{}}
	if version != 1 {
		return nil, errVersion
	}
	for range r.count(maxInvitations) {
		c.invitations = append(c.invitations, decodeInvitation(r))
	}
	for range r.count(maxDialogs) {
		c.dialogs = append(c.dialogs, decodeDialog(r))
	}
	for range r.count(maxBranches) {
		of := r.Uint()
		b := decodeBranch(r)
		if r.err() != nil || of >= uint64(len(c.invitations)) {
			return nil, cmp.Or(r.err(), errBounds)
		}
		b.of = c.invitations[of]
		c.branches = append(c.branches, b)
	}
	for _, d := range c.dialogs {
		for _, b := range c.branches {
			if b.made(d) && !d.answered.IsZero() && (b.of.won == nil || d.answered.Before(b.of.won.answered)) {
				b.of.won = d
			}
		}
	}
	return c, r.err()
}

// decoder reads a call's record.
type decoder struct {
	*record.Reader
	beyond bool // there was more of something than can be
}

func (r *decoder) err() error {
	if r.beyond {
		return errBounds
	}
	return r.Err()
}

// count reads how many of something follow.
func (r *decoder) count(most int) int {
	n := r.Uint()
	if n > uint64(most) {
		n, r.beyond = 0, true
	}
	return int(n)
}

func decodeInvitation(r *decoder) *invitation {
	i := &invitation{fromTag: r.String(), cseq: uint32(r.Uint()), caller: decodeParty(r), callee: decodeParty(r), began: r.Time()}
	bits := r.Uint()
	i.internal, i.cancelled, i.kept = bits&1 != 0, bits&2 != 0, bits&4 != 0
	i.code, i.reason = int(r.Uint()&0x3ff), r.String()
	return i
}

func decodeBranch(r *decoder) *branch {
	b := &branch{id: r.String(), callee: decodeParty(r), binding: r.String(), tags: decodeStrings(r, maxDialogs)}
	bits := r.Uint()
	b.provisional, b.cancelled, b.expired = bits&1 != 0, bits&2 != 0, bits&4 != 0
	b.code, b.reason = int(r.Uint()&0x3ff), r.String()
	b.last, b.lost = r.Time(), r.Time()
	return b
}

func decodeDialog(r *decoder) *dialog {
	d := &dialog{fromTag: r.String(), toTag: r.String(), answered: r.Time(), end: end(r.Uint()), ended: r.Time()}
	d.replaced, d.by, d.session = r.Uint()&1 != 0, decodeParty(r), r.Time()
	for e := range d.ends {
		f := &d.ends[e]
		f.target, f.routes = r.String(), decodeStrings(r, maxRoutes)
		f.cseq, f.holding = uint32(r.Uint()), uint32(r.Uint())
		bits := r.Uint()
		f.held, f.answers = bits&1 != 0, bits&2 != 0
		f.heard, f.lost = r.Time(), r.Time()
	}
	return d
}

func decodeParty(r *decoder) Party {
	return Party{AoR: event.AoR(r.String()), URI: r.String(), Display: r.String(), Private: r.Uint()&1 != 0}
}

func decodeStrings(r *decoder, most int) (list []string) {
	for range r.count(most) {
		list = append(list, r.String())
	}
	return list
}
