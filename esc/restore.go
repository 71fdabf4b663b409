package esc

import (
	"errors"
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

var errVersion = errors.New("written by another version of the server")

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

// Forget drops the inputs of an AoR that are entered again with its stored
// records: publications, bindings, watchers, and what is forced. Others are true whatever the
// commit did: their makers hold them elsewhere.
func (c *Compositor) Forget(t *owner.Turn, key string) {
	share := c.shares[owner.Partition(key)]
	old := share[event.AoR(key)]
	delete(share, event.AoR(key))
	if old == nil {
		return
	}
	for _, pub := range old.publications {
		c.live[c.place[pub.event]].Add(-1)
	}
	for k, in := range old.inputs {
		switch k.Source {
		case event.EPA, event.Registrar, event.Watcher, event.User, event.Default:
		default:
			c.Put(t, old.aor, in)
		}
	}
}

// Restore takes a stored publication or forced input in. What ended while the server was down
// is cleared away; it is never shown again.
func (c *Compositor) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	p := c.presentity(event.AoR(key))
	var err error
	switch kind {
	case KindBody:
		err = p.restoreBody(id, value)
	case KindForced:
		err = c.restoreForced(t, p.aor, id, value)
	default:
		err = c.restorePublication(t, p, id, value)
	}
	if err != nil {
		return fmt.Errorf("input %q of %s: %w", id, key, err)
	}
	return nil
}

func (p *presentity) restoreBody(id string, value []byte) error {
	r, version := record.NewReader(value)
	b := body{made: r.Time(), kind: r.String(), bytes: r.Blob()}
	if p.bodies == nil {
		p.bodies = map[string]body{}
	}
	p.bodies[id] = b
	if version != 1 {
		return errVersion
	}
	return r.Err()
}

func (c *Compositor) restorePublication(t *owner.Turn, p *presentity, id string, value []byte) error {
	r, version := record.NewReader(value)
	pub := &publication{id: id, etag: ETag(r.String()), event: event.Name(r.String()), by: event.AoR(r.String()), until: r.Time()}
	if r.Err() != nil {
		return r.Err()
	}
	if version != 1 {
		return errVersion
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
	c.live[c.place[pub.event]].Add(1)
	c.Put(t, p.aor, event.Input{Key: pub.key(), Made: b.made, Until: pub.until, Doc: doc})
	return nil
}
