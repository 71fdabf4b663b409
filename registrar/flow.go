package registrar

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// hangs tells whether a binding needs its flow (RFC 5626 §7). Who registers over
// a connection is reached on it: the address in its Contact is as a rule the
// connection's own, or one behind a NAT. Where a Path leads there, the connection
// is a proxy's, and comes and goes.
func (b *Binding) hangs() bool { return b.Flow != 0 && len(b.Path) == 0 }

// wakes tells whether a push reaches the device.
func (b *Binding) wakes() bool {
	_, ok := b.uri.Params.Get("pn-provider")
	return ok
}

// Lost says that a connection is gone: what was registered over it ends, unless
// the device comes back in time, or sleeps.
func (r *Registrar) Lost(t *owner.Turn, aor event.AoR, flow uint64) {
	l := r.location(aor)
	for _, b := range l.bindings {
		if b.Flow == flow && b.lost.IsZero() && !b.asleep && b.hangs() {
			r.lose(t, aor, b, r.opt.Grace)
		}
	}
	r.expire(t, l)
}

// resume looks after a restored binding's flow. None outlives a restart, but a
// device learns that when it says something next.
func (r *Registrar) resume(t *owner.Turn, aor event.AoR, b *Binding) {
	if b.hangs() && !r.alive(b) {
		r.lose(t, aor, b, max(r.opt.Grace, r.opt.GraceAtStart))
	}
}

// lose begins the time of grace of a binding without its flow. What listens at
// its Contact is asked there; a device that a push wakes sleeps for as long as it
// is bound (RFC 8599).
func (r *Registrar) lose(t *owner.Turn, aor event.AoR, b *Binding, grace time.Duration) {
	if b.wakes() {
		b.asleep = true
		r.inputs.Put(t, aor, b.input())
		return
	}
	b.lost = t.Now.Add(grace)
	if r.opt.Ask != nil && grace > 0 {
		r.opt.Ask(aor, b, grace)
	}
}

// Found says that a device is there still, though its connection is gone.
func (r *Registrar) Found(t *owner.Turn, aor event.AoR, id string) {
	l := r.location(aor)
	for _, b := range l.bindings {
		if b.ID == id {
			b.lost = time.Time{}
		}
	}
	r.expire(t, l)
}

func (r *Registrar) alive(b *Binding) bool { return r.opt.Alive != nil && r.opt.Alive(b.Flow) }

// ends is when a binding is over, and why.
func (b *Binding) ends() (time.Time, string) {
	if b.lost.IsZero() || !b.lost.Before(b.Until) {
		return b.Until, expired
	}
	return b.lost, deactivated
}

// translated tells whether the other side of a binding is behind a NAT: its
// requests come from elsewhere than its Contact says, and no proxy is between.
func (b *Binding) translated() bool {
	if b.Flow != 0 || len(b.Path) > 0 {
		return false
	}
	addr, err := netip.ParseAddr(strings.Trim(string(b.uri.Host), "[]"))
	port := b.uri.PortNumber()
	if port == 0 {
		port = 5060
	}
	return err != nil || netip.AddrPortFrom(addr.Unmap(), port) != b.Source
}

// ping pings all who are behind a NAT in a partition, by one alarm for all of
// them, and goes on for as long as there is anybody.
func (r *Registrar) ping(t *owner.Turn, partition byte) {
	found := false
	for _, l := range r.shares[partition] {
		for _, b := range l.bindings {
			if b.translated() {
				found = true
				r.opt.Ping(b)
			}
		}
	}
	if found {
		r.pingAt(t, partition, t.Now.Add(r.opt.PingEvery))
	}
}

// startPings begins with the first who is behind a NAT. After a start all
// partitions would do so at once: they are spread over the interval.
func (r *Registrar) startPings(t *owner.Turn, l *location) {
	partition := owner.Partition(string(l.aor))
	if r.opt.PingEvery <= 0 || !r.pings[partition].At().IsZero() || !slices.ContainsFunc(l.bindings, (*Binding).translated) {
		return
	}
	r.pingAt(t, partition, t.Now.Add(r.opt.PingEvery*time.Duration(int(partition)+1)/owner.Partitions))
}

func (r *Registrar) pingAt(t *owner.Turn, partition byte, at time.Time) {
	t.Wake(&r.pings[partition], "", at, owner.Func(func(t *owner.Turn) { r.ping(t, partition) }))
}
