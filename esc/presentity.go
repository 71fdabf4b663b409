package esc

import (
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// presentity is an AoR's bag of inputs.
type presentity struct {
	aor          event.AoR
	inputs       map[event.Key]event.Input
	publications map[ETag]*publication
	bodies       map[string]body // of publications that are being restored
	next         []time.Time     // by package: when its document changes by itself
	alarm        owner.Alarm
	touched      []event.Name // in this turn; empty: composing is not asked for yet
}

func (c *Compositor) presentity(aor event.AoR) *presentity {
	share := c.shares[owner.Partition(string(aor))]
	p := share[aor]
	if p == nil {
		p = &presentity{aor: aor, inputs: map[event.Key]event.Input{}, next: make([]time.Time, len(c.packages))}
		share[aor] = p
	}
	return p
}

// touch has the packages that read an event composed at the end of the turn,
// once, however often it is touched.
func (c *Compositor) touch(t *owner.Turn, p *presentity, name event.Name) {
	if len(p.touched) == 0 {
		t.End(func() { c.compose(t, p) })
	}
	if !slices.Contains(p.touched, name) {
		p.touched = append(p.touched, name)
	}
}

// compose has every package compose that reads what was touched.
func (c *Compositor) compose(t *owner.Turn, p *presentity) {
	if c.shares[owner.Partition(string(p.aor))][p.aor] != p {
		return // forgotten since
	}
	touched := p.touched
	p.touched = p.touched[:0]
	for i, pkg := range c.packages {
		if !slices.ContainsFunc(pkg.Reads(), func(n event.Name) bool { return slices.Contains(touched, n) }) {
			continue
		}
		p.next[i] = time.Time{}
		if !c.next.Watched(p.aor, pkg.Event()) {
			continue
		}
		doc, next := pkg.Compose(p.aor, p.live(pkg.Reads(), t.Now), t.Now)
		p.next[i] = next
		c.next.Changed(t, p.aor, pkg.Event(), doc)
	}
	c.settle(t, p)
}

// live lists what the inputs of some events say now: what is over is over, even
// where its alarm has not gone off yet.
func (p *presentity) live(events []event.Name, now time.Time) []event.Input {
	return slices.DeleteFunc(p.bag(events), func(in event.Input) bool { return !in.Until.IsZero() && !in.Until.After(now) })
}

// bag lists the inputs of some events (nil: of all) in a fixed order.
func (p *presentity) bag(events []event.Name) []event.Input {
	bag := make([]event.Input, 0, len(p.inputs))
	for k, in := range p.inputs {
		if events == nil || slices.Contains(events, k.Event) {
			bag = append(bag, in)
		}
	}
	slices.SortFunc(bag, func(a, b event.Input) int { return a.Compare(&b.Key) })
	return bag
}

// settle sets the alarm to the next moment of change, and drops a bag that is
// empty and was told.
func (c *Compositor) settle(t *owner.Turn, p *presentity) {
	next := time.Time{}
	sooner := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, in := range p.inputs {
		sooner(in.Until)
	}
	for _, at := range p.next {
		sooner(at)
	}
	t.Wake(&p.alarm, string(p.aor), next, owner.Func(func(t *owner.Turn) { c.ring(t, p) }))
	if len(p.inputs) == 0 && next.IsZero() {
		delete(c.shares[owner.Partition(string(p.aor))], p.aor)
	}
}

// ring ends what is over, and composes what changes by itself.
func (c *Compositor) ring(t *owner.Turn, p *presentity) {
	for etag, pub := range p.publications {
		if !pub.until.After(t.Now) {
			c.end(t, p, etag)
		}
	}
	for k, in := range p.inputs {
		if !in.Until.IsZero() && !in.Until.After(t.Now) {
			delete(p.inputs, k)
			if isKept(k) {
				c.unkeep(t, p.aor, k)
			}
			c.touch(t, p, k.Event)
		}
	}
	for i, at := range p.next {
		if !at.IsZero() && !at.After(t.Now) {
			c.touch(t, p, c.packages[i].Reads()[0])
		}
	}
	if len(p.touched) == 0 {
		c.settle(t, p)
	}
}
