package call

import (
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

// Evidence is how long a call is believed in.
type Evidence struct {
	Probe time.Duration // between two probes of a call: 1 min
	Doubt time.Duration // without a sign of life it is in doubt: 2.5 min
	Off   time.Duration // and then over: 3.5 min
	Lost  time.Duration // likewise once a phone's registration is lost: 25 s
}

// lostDoubt is how soon a call is in doubt whose phone has lost its registration:
// not before a probe can be answered.
const lostDoubt = 5 * time.Second

func (e Evidence) orDefault() Evidence {
	for d, v := range map[*time.Duration]time.Duration{
		&e.Probe: time.Minute, &e.Doubt: 150 * time.Second, &e.Off: 210 * time.Second, &e.Lost: 25 * time.Second} {
		if *d == 0 {
			*d = v
		}
	}
	return e
}

// Probe asks one end of a dialog whether it is still in it, by an OPTIONS inside
// the dialog that seems to come from the other end. Its answer is told as Alive or
// Gone of that end; where there is none, nothing is told.
type Probe struct {
	CallID         string
	FromTag, ToTag string // of the OPTIONS
	From, To       string // URIs
	Target         string // the Request-URI
	Routes         []string
	// CSeq is not above the last that was seen from the end it stands for: after a
	// higher one that end's own BYE would be refused (RFC 3261 §12.2.2).
	CSeq     uint32
	ToCaller bool // which end is asked: Seen's ByCaller
}

// Prober sends probes. It returns at once.
type Prober interface{ Probe(Probe) }

// evidence is when there was the last sign that a dialog goes on. An end that
// answers probes has to go on answering them; of others, either will do.
func (d *dialog) evidence() (at time.Time) {
	judged := false
	for _, f := range d.ends {
		switch {
		case f.answers && (!judged || f.heard.Before(at)):
			at, judged = f.heard, true
		case !judged && f.heard.After(at):
			at = f.heard
		}
	}
	return at
}

// deadlines are when a dialog is in doubt and when it is over, if nothing more is
// heard of it, and how it has ended then. A session timer stands in for ends that
// answer no probes (RFC 4028 §8.1).
func (d *dialog) deadlines(e Evidence) (doubt, off time.Time, how end) {
	at := d.evidence()
	doubt, off, how = at.Add(e.Doubt), at.Add(e.Off), byTimeout
	if !d.ends[caller].answers && !d.ends[callee].answers && d.session.After(off) {
		doubt, off = d.session, d.session
	}
	for _, f := range d.ends {
		if f.lost.IsZero() {
			continue
		}
		if end := f.lost.Add(e.Lost); end.Before(off) {
			off, how = end, byLoss
		}
		if in := f.lost.Add(lostDoubt); in.Before(doubt) {
			doubt = in
		}
	}
	if d.grace.After(off) {
		off = d.grace
	}
	return doubt, off, how
}

// probeAt is when a dialog's ends are asked next; zero: its session timer tells
// soon enough.
func (d *dialog) probeAt(e Evidence, now time.Time) time.Time {
	switch {
	case !d.ask.IsZero():
		return d.ask
	case d.session.After(now) && d.session.Before(now.Add(e.Off)):
		return time.Time{}
	}
	at := d.evidence()
	if d.probed.After(at) {
		at = d.probed
	}
	return at.Add(e.Probe)
}

// until is when a branch is over if nothing more is heard of it.
func (b *branch) until(e Evidence) time.Time {
	if !b.lost.IsZero() {
		return b.lost.Add(e.Lost)
	}
	return b.last.Add(e.Off)
}

// age ends what nothing was heard of for too long, and gives those dialogs.
func (c *call) age(e Evidence, now time.Time) (faded []*dialog) {
	for _, b := range c.branches {
		b.expired = b.expired || !b.over() && !now.Before(b.until(e))
	}
	for _, d := range c.dialogs {
		if d.end != running || d.answered.IsZero() {
			continue
		}
		doubt, off, how := d.deadlines(e)
		d.doubtful = !now.Before(doubt)
		if !now.Before(off) {
			d.finish(how, now)
			faded = append(faded, d)
		}
	}
	return faded
}

// tellFaded tells of dialogs that have ended without a word.
func (s *Calls) tellFaded(t *owner.Turn, c *call, list []*dialog) {
	if s.opt.Faded == nil {
		return
	}
	for _, d := range list {
		seen := Seen{CallID: c.id, What: Gone, FromTag: d.fromTag, ToTag: d.toTag}
		t.Say(func(failed error) {
			if failed == nil {
				s.opt.Faded(seen)
			}
		})
	}
}

// probe asks both ends of each dialog whose time has come, and their users'
// publications.
func (s *Calls) probe(t *owner.Turn, c *call) {
	for _, d := range c.dialogs {
		if d.end != running || d.answered.IsZero() {
			continue
		}
		if at := d.probeAt(s.opt.Evidence, t.Now); at.IsZero() || at.After(t.Now) {
			continue
		}
		d.probed, d.ask = t.Now, time.Time{}
		for e := range d.ends {
			s.ask(t, c, d, e)
		}
		for _, aor := range c.users() {
			s.askPublications(t, aor, c.id, d.fromTag, d.toTag)
		}
	}
}

// ask sends a probe to one end of a dialog, once the turn is stored.
func (s *Calls) ask(t *owner.Turn, c *call, d *dialog, end int) {
	b := c.branchOf(d, nil)
	if b == nil || d.ends[end].target == "" || s.prober == nil {
		return
	}
	p := Probe{CallID: c.id, FromTag: d.fromTag, ToTag: d.toTag, From: b.of.caller.URI, To: b.callee.URI,
		Target: d.ends[end].target, Routes: d.ends[end].routes, CSeq: d.ends[1-end].cseq, ToCaller: end == caller}
	if end == caller {
		p.FromTag, p.ToTag, p.From, p.To = p.ToTag, p.FromTag, p.To, p.From
	}
	t.Say(func(failed error) {
		if failed == nil {
			s.prober.Probe(p)
		}
	})
}

// lose notes that a phone's registration is lost: of all that the user has, or of
// one address.
func (c *call) lose(aor event.AoR, contact string, now time.Time) {
	for _, b := range c.branches {
		if b.callee.AoR == aor && (contact == "" || b.binding == contact) {
			b.lost = now
		}
		for _, d := range c.dialogs {
			if !b.made(d) {
				continue
			}
			if b.of.caller.AoR == aor && (contact == "" || isAt(d.ends[caller].target, contact)) {
				d.ends[caller].lost, d.ask = now, now
			}
			if b.callee.AoR == aor && (contact == "" || b.binding == contact || isAt(d.ends[callee].target, contact)) {
				d.ends[callee].lost, d.ask = now, now
			}
		}
	}
}

// isAt tells whether two addresses are of the same phone: the user, host and port
// are the same.
func isAt(a, b string) bool {
	if a == b {
		return true
	}
	u, err1 := sip.ParseURI([]byte(a))
	v, err2 := sip.ParseURI([]byte(b))
	return err1 == nil && err2 == nil && u.UserUnescaped() == v.UserUnescaped() && u.HostLower() == v.HostLower() && u.PortNumber() == v.PortNumber()
}
