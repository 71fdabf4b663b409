package registrar

import (
	"fmt"
	"net/netip"

	"lamplight/body/reginfo"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/record"
)

// KindBinding is the kind of a binding's record.
const KindBinding byte = 'r'

func (r *Registrar) save(t *owner.Turn, aor event.AoR, b *Binding) {
	if !t.Durable() {
		return
	}
	w := record.NewWriter(2)
	for _, s := range [...]string{b.URI, b.Q, b.DisplayName, b.Instance, b.RegID, b.Source.String(), b.Local.String(),
		b.UserAgent, b.CallID, b.event} {
		w.String(s)
	}
	w.Uint(uint64(b.CSeq))
	w.Time(b.Since)
	w.Time(b.Until)
	w.Uint(uint64(len(b.Params)))
	for _, p := range b.Params {
		w.String(p.Name)
		w.String(p.Value)
	}
	w.Uint(uint64(len(b.Path)))
	for _, p := range b.Path {
		w.String(p)
	}
	w.Uint(b.Flow)
	t.Save(owner.Record{Key: owner.Key(string(aor), KindBinding, b.ID), Value: w.Bytes()})
}

func (r *Registrar) unsave(t *owner.Turn, aor event.AoR, id string) {
	t.Save(owner.Record{Key: owner.Key(string(aor), KindBinding, id)})
}

// Forget drops the bindings of an AoR.
func (r *Registrar) Forget(_ *owner.Turn, key string) {
	share := r.shares[owner.Partition(key)]
	if l := share[event.AoR(key)]; l != nil {
		r.count.Add(-int64(len(l.bindings)))
	}
	delete(share, event.AoR(key))
}

// Restore takes a stored binding in. One that ended while the server was down
// is told as ended, and never bound again.
func (r *Registrar) Restore(t *owner.Turn, key string, _ byte, id string, value []byte) error {
	b, err := read(id, value)
	if err != nil {
		return fmt.Errorf("binding %s of %s: %w", id, key, err)
	}
	r.resume(t, event.AoR(key), b)
	l := r.location(event.AoR(key))
	l.bindings = append(l.bindings, b)
	r.count.Add(1)
	r.inputs.Put(t, l.aor, b.input())
	r.expire(t, l)
	return nil
}

func read(id string, value []byte) (*Binding, error) {
	r, version := record.NewReader(value)
	b := &Binding{ID: id}
	var source, local string
	for _, s := range [...]*string{&b.URI, &b.Q, &b.DisplayName, &b.Instance, &b.RegID, &source, &local,
		&b.UserAgent, &b.CallID, &b.event} {
		*s = r.String()
	}
	b.Source, _ = netip.ParseAddrPort(source)
	b.Local, _ = netip.ParseAddrPort(local)
	b.CSeq = uint32(r.Uint())
	b.Since, b.Until = r.Time(), r.Time()
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		b.Params = append(b.Params, reginfo.Param{Name: r.String(), Value: r.String()})
	}
	for n := r.Uint(); n > 0 && r.Err() == nil; n-- {
		b.Path = append(b.Path, r.String())
	}
	if version > 1 { // the first did not say
		b.Flow = r.Uint()
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	var err error
	b.uri, err = sipURI(b.URI)
	return b, err
}
