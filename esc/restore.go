package esc

import (
	"fmt"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/record"
)

// The kinds of the compositor's records. A body's come first when they are
// read, so that the publication finds its document.
const (
	KindBody        byte = 'b' // a publication's document, written when it changes
	KindPublication byte = 'p' // its tag and its end, written at each refresh
)

func (c *Compositor) save(t *owner.Turn, aor event.AoR, pub *publication) {
	if !t.Durable() {
		return
	}
	w := record.NewWriter(1)
	w.String(string(pub.etag))
	w.String(string(pub.event))
	w.String(string(pub.by))
	w.Time(pub.until)
	t.Save(owner.Record{Key: owner.Key(string(aor), KindPublication, pub.id), Value: w.Bytes()})
}

func (c *Compositor) saveBody(t *owner.Turn, aor event.AoR, id string, b body) {
	if !t.Durable() {
		return
	}
	w := record.NewWriter(1)
	w.Time(b.made)
	w.String(b.kind)
	w.Blob(b.bytes)
	t.Save(owner.Record{Key: owner.Key(string(aor), KindBody, id), Value: w.Bytes()})
}

func (c *Compositor) unsave(t *owner.Turn, aor event.AoR, id string) {
	t.Save(owner.Record{Key: owner.Key(string(aor), KindPublication, id)})
	t.Save(owner.Record{Key: owner.Key(string(aor), KindBody, id)})
}

// Forget drops all inputs of an AoR.
func (c *Compositor) Forget(_ *owner.Turn, key string) {
	delete(c.shares[owner.Partition(key)], event.AoR(key))
}

// Restore takes a stored publication in. What ended while the server was down
// is cleared away; it is never shown again.
func (c *Compositor) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	p := c.presentity(event.AoR(key))
	var err error
	if kind == KindBody {
		err = p.restoreBody(id, value)
	} else {
		err = c.restorePublication(t, p, id, value)
	}
	if err != nil {
		return fmt.Errorf("publication %s of %s: %w", id, key, err)
	}
	return nil
}

func (p *presentity) restoreBody(id string, value []byte) error {
	r, _ := record.NewReader(value)
	b := body{made: r.Time(), kind: r.String(), bytes: r.Blob()}
	if p.bodies == nil {
		p.bodies = map[string]body{}
	}
	p.bodies[id] = b
	return r.Err()
}

func (c *Compositor) restorePublication(t *owner.Turn, p *presentity, id string, value []byte) error {
	r, _ := record.NewReader(value)
	pub := &publication{id: id, etag: ETag(r.String()), event: event.Name(r.String()), by: event.AoR(r.String()), until: r.Time()}
	if r.Err() != nil {
		return r.Err()
	}
	b := p.bodies[id]
	delete(p.bodies, id)
	if !pub.until.After(t.Now) {
		c.unsave(t, p.aor, id)
		c.touch(t, p, pub.event)
		return nil
	}
	pkg := c.byName[pub.event]
	if pkg == nil {
		return ErrBadEvent
	}
	doc, err := pkg.Parse(b.kind, b.bytes)
	if err != nil {
		return err
	}
	p.add(pub)
	c.Put(t, p.aor, event.Input{Key: pub.key(), Made: b.made, Until: pub.until, Doc: doc})
	return nil
}
