package epa

import (
	"lamplight/event"
	"lamplight/record"
)

// keep stores what is published there, so that a crash does not leave it to others.
// The mutex is held.
func (p *publication) keep() {
	a := p.agent
	if a.o.Keep == nil || p.etag == p.kept {
		return
	}
	if p.kept = p.etag; p.etag == "" {
		a.o.Keep(p.key.aor, p.key.name, nil)
		return
	}
	w := record.NewWriter(1)
	w.String(p.etag)
	w.Uint(uint64(p.version))
	a.o.Keep(p.key.aor, p.key.name, w.Bytes())
}

// Restore takes in what was published before a crash; before Start.
func (a *Agent) Restore(aor event.AoR, name event.Name, b []byte) error {
	r, _ := record.NewReader(b)
	p := &publication{agent: a, key: key{aor, name}, changed: true}
	p.etag, p.version = r.String(), uint32(r.Uint())
	p.kept = p.etag
	if err := r.Err(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all != nil && a.all[p.key] == nil && !a.began {
		a.all[p.key] = p
	}
	return nil
}

// Start takes back what was published before a crash and is said no longer.
func (a *Agent) Start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began = true
	for _, p := range a.all {
		if p.want.kind == "" {
			p.queue()
		}
	}
}
