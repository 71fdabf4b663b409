package esc

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// Publish is a PUBLISH request (RFC 3903 §4), its sender known.
type Publish struct {
	AoR     event.AoR
	By      event.AoR // who publishes, authenticated
	Peer    bool      // a trusted peer: no least interval, more publications
	Event   event.Name
	IfMatch ETag // "": an initial publication
	Type    string
	Body    []byte // nil with IfMatch: a refresh, or a removal
	Expires time.Duration
	Default bool // no interval was asked for
}

// publication is a live document of an EPA's.
type publication struct {
	id    string // the same for all its entity-tags
	etag  ETag
	event event.Name
	by    event.AoR
	until time.Time
}

// body is a publication's document as it came.
type body struct {
	kind  string
	bytes []byte
	made  time.Time
}

func (p *publication) key() event.Key {
	return event.Key{Event: p.event, Source: event.EPA, ID: p.id}
}

// Publish does what RFC 3903 §6 lists, in its order, and gives the entity-tag
// and interval for the answer. Errors are the package's and those of
// event.Package.Parse; nothing is changed then.
func (c *Compositor) Publish(t *owner.Turn, r Publish) (ETag, time.Duration, error) {
	pkg, ok := c.byName[r.Event]
	if _, publishable := pkg.(event.Publisher); !ok || !publishable {
		return "", 0, ErrBadEvent
	}
	p := c.shares[owner.Partition(string(r.AoR))][r.AoR]
	old := p.match(t, r)
	if r.IfMatch != "" && old == nil {
		return "", 0, ErrNoSuchETag
	}
	interval, err := c.interval(t, r)
	if err != nil {
		return "", 0, err
	}
	if old != nil && interval == 0 {
		c.end(t, p, old.etag)
		return newETag(string(r.AoR)), 0, nil
	}
	doc, err := c.parse(pkg, r, old)
	if err != nil {
		return "", 0, err
	}
	if old == nil && interval == 0 {
		return newETag(string(r.AoR)), 0, nil
	}
	if old == nil && p.count(r) >= c.allowed(r) {
		return "", 0, ErrTooMany
	}
	return c.store(t, r, old, doc, interval), interval, nil
}

// match finds the live publication that a request names (RFC 3903 §6 step 2).
// A tag is bound to the AoR, the event, and who made it.
func (p *presentity) match(t *owner.Turn, r Publish) *publication {
	if p == nil || r.IfMatch == "" {
		return nil
	}
	pub := p.publications[r.IfMatch]
	if pub == nil || pub.event != r.Event || pub.by != r.By || !pub.until.After(t.Now) {
		return nil
	}
	return pub
}

// interval is what is granted (RFC 3903 §6 step 3).
func (c *Compositor) interval(t *owner.Turn, r Publish) (time.Duration, error) {
	asked := r.Expires
	if r.Default {
		asked = c.limits.Default
	}
	if asked == 0 {
		return 0, nil
	}
	least := c.limits.Min
	if r.Peer {
		least = 0
	}
	if asked < least {
		return 0, &TooBriefError{least}
	}
	return event.Spread(min(asked, c.limits.Max), least, string(r.AoR), t.Now), nil
}

// parse reads the request's document (RFC 3903 §6 step 4); a refresh has none.
func (c *Compositor) parse(pkg event.Package, r Publish, old *publication) (event.Document, error) {
	if len(r.Body) == 0 {
		if old == nil {
			return nil, ErrNoBody
		}
		return nil, nil
	}
	doc, err := pkg.Parse(r.Type, bytes.Clone(r.Body)) // the document keeps parts of it
	if err != nil {
		return nil, err
	}
	if entity := pkg.(event.Publisher).Entity(doc); entity != "" && !c.fits(r.AoR, entity) {
		return nil, ErrForeignEntity
	}
	return doc, nil
}

func (p *presentity) count(r Publish) (n int) {
	if p == nil {
		return 0
	}
	for _, pub := range p.publications {
		if pub.event == r.Event && pub.by == r.By {
			n++
		}
	}
	return n
}

func (c *Compositor) allowed(r Publish) int {
	if r.Peer {
		return c.limits.PerPeer
	}
	return c.limits.PerUser
}

// store takes a document, or with none a new interval, in under a new tag.
func (c *Compositor) store(t *owner.Turn, r Publish, old *publication, doc event.Document, interval time.Duration) ETag {
	p := c.presentity(r.AoR)
	pub := &publication{event: r.Event, by: r.By, etag: newETag(string(r.AoR)), until: t.Now.Add(interval)}
	pub.id = string(pub.etag)
	if old != nil {
		pub.id = old.id
		delete(p.publications, old.etag)
	} else {
		c.live[c.place[r.Event]].Add(1)
	}
	p.add(pub)
	in := p.inputs[pub.key()]
	in.Key, in.Until = pub.key(), pub.until
	if doc == nil {
		p.inputs[in.Key] = in
		c.settle(t, p)
		c.save(t, p.aor, pub)
		return pub.etag
	}
	stored := body{r.Type, r.Body, t.Now}
	doc, stored = c.succeed(pub.event, in.Doc, doc, stored)
	others := c.othersOf(p, pub)
	for _, other := range others {
		doc, stored = c.succeed(pub.event, p.inputs[other.key()].Doc, doc, stored)
	}
	in.Doc, in.Made = doc, t.Now
	c.Put(t, p.aor, in)
	for _, other := range others {
		c.catchUp(t, p, other, doc)
	}
	c.save(t, p.aor, pub)
	c.saveBody(t, p.aor, pub.id, stored)
	return pub.etag
}

// succeed is what counts of a document that takes the place of another, and
// what is stored of it.
func (c *Compositor) succeed(name event.Name, before, now event.Document, as body) (event.Document, body) {
	pkg, ok := c.byName[name].(event.Successor)
	if !ok || before == nil {
		return now, as
	}
	doc, printed := pkg.Succeed(before, now)
	if printed != nil {
		as.kind, as.bytes = c.byName[name].Types()[0], printed
	}
	return doc, as
}

// othersOf are the publications of the same event that the maker of one has
// beside it, in the order of their ids: some begin one anew before the last one
// has its entity-tag. Where no document goes back on another nobody asks for them.
func (c *Compositor) othersOf(p *presentity, pub *publication) (list []*publication) {
	if _, ok := c.byName[pub.event].(event.Successor); !ok || len(p.publications) == 1 {
		return nil
	}
	for _, other := range p.publications {
		if other != pub && other.event == pub.event && other.by == pub.by {
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(a, b *publication) int { return strings.Compare(a.id, b.id) })
	return list
}

// catchUp takes out of a publication what its maker has said newer in another.
func (c *Compositor) catchUp(t *owner.Turn, p *presentity, pub *publication, newer event.Document) {
	in := p.inputs[pub.key()]
	doc, as := c.succeed(pub.event, newer, in.Doc, body{kind: "", made: in.Made})
	if as.kind == "" { // nothing else is said
		return
	}
	in.Doc = doc
	c.Put(t, p.aor, in)
	c.saveBody(t, p.aor, pub.id, as)
}

func (p *presentity) add(pub *publication) {
	if p.publications == nil {
		p.publications = map[ETag]*publication{}
	}
	p.publications[pub.etag] = pub
}

// end removes a publication, because of its time or by its maker.
func (c *Compositor) end(t *owner.Turn, p *presentity, etag ETag) {
	pub := p.publications[etag]
	delete(p.publications, etag)
	c.live[c.place[pub.event]].Add(-1)
	c.unsave(t, p.aor, pub.id)
	c.Withdraw(t, p.aor, pub.key())
}
