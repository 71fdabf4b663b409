package presence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// What a composed document has at most of each; what is over is left out.
const (
	maxTuples = 64 // and as many devices
	maxOthers = 32 // notes, activities, elements that are not known
)

// personID is the one person's id; no tuple has it.
const personID = "person"

// known is what is known of somebody now.
type known struct {
	published  []*publication
	reports    []dialoginfo.Report
	called     time.Time  // when the newest report of a live dialog was made
	caller     *event.Key // and who made it
	registered bool
	awake      bool // a device of theirs is: not all that are bound sleep
	bound      *event.Key
	heard      bool // a device has published
	next       time.Time
}

// Compose makes one document of all that is known of somebody (RFC 4479): a tuple
// for each service that was published and an element for each device, each with its
// own timestamp, and one person. Layers choose the headline: see Layer.
func (p Package) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	k := p.gather(aor, in, now)
	out := &pidf.Presence{Entity: string(aor)}
	c := k.join(out, p.Registrar)
	k.person(out, &c)
	return out, k.next
}

// gather sorts the inputs that count now by what they tell.
func (p Package) gather(aor event.AoR, in []event.Input, now time.Time) known {
	live, next := event.Current(in, now)
	k := known{next: next, published: make([]*publication, 0, len(live))}
	for i := range live {
		in := &live[i]
		switch doc := in.Doc.(type) {
		case *pidf.Presence:
			if in.Event == "presence" && doc != nil {
				k.published = append(k.published, k.read(in, doc, now))
			}
		case *dialoginfo.Info:
			if in.Event == "dialog" && doc != nil {
				k.report(in, doc)
			}
		case *reginfo.Contact:
			if in.Event == "reg" && doc != nil && doc.State == reginfo.Active {
				k.registered, k.bound = true, &in.Key
				k.awake = k.awake || !doc.Asleep
			}
		}
	}
	if p.Defaults != nil && k.registered {
		if doc := p.Defaults.Default(aor); doc != nil {
			k.published = append(k.published, k.read(&event.Input{Key: standing}, doc, now))
		}
	}
	k.published = newest(k.published)
	k.heard = slices.ContainsFunc(k.published, func(p *publication) bool { return p.Source == event.EPA })
	k.published = slices.DeleteFunc(k.published, k.superseded)
	slices.SortStableFunc(k.published, func(a, b *publication) int { return b.stamp.Compare(a.stamp) })
	return k
}

func (k *known) report(in *event.Input, doc *dialoginfo.Info) {
	k.reports = append(k.reports, dialoginfo.Report{By: string('0'+rune(in.Source)) + in.ID, Info: doc})
	if in.Made.Before(k.called) {
		return
	}
	for i := range doc.Dialogs {
		if isLive(&doc.Dialogs[i]) {
			k.called, k.caller = in.Made, &in.Key
			return
		}
	}
}

// hardID is the ID of the hard state that the user made (RFC 4827).
const hardID = "hard"

// standing is the key of the hard state of a user's domain. It is no input: what
// there is of nobody else is no news of anybody.
var standing = event.Key{Event: "presence", Source: event.Default, ID: "domain"}

// superseded tells what hard state does not count: none does where a device says
// something (RFC 3903 §3), but for what the user chose by it, which is no hard
// state; and the user's own comes before any other.
func (k *known) superseded(p *publication) bool {
	switch {
	case p.Source != event.Default:
		return false
	case p.ID != hardID && slices.ContainsFunc(k.published, func(q *publication) bool { return q.Source == event.Default && q.ID == hardID }):
		return true
	case k.heard:
		return !p.chosen()
	}
	return false
}

// newest leaves out what a device said before it forgot that it had: all of an
// older publication's tuples are in a newer one, with later timestamps.
func newest(all []*publication) []*publication {
	if len(all) < 2 {
		return all
	}
	stamped := make(map[[2]string]time.Time, len(all))
	for _, p := range all {
		for i := range p.tuples {
			t := &p.tuples[i]
			k := [2]string{t.ID, t.Contact}
			stamped[k] = later(stamped[k], t.Timestamp)
		}
	}
	return slices.DeleteFunc(all, func(p *publication) bool {
		for i := range p.tuples {
			if t := &p.tuples[i]; t.ID == "" || t.Timestamp.IsZero() || !stamped[[2]string{t.ID, t.Contact}].After(t.Timestamp) {
				return false
			}
		}
		return len(p.tuples) > 0
	})
}

// join puts the tuples of all publications together, the open ones first: some
// phones read only one. Where there is none, one says whether the user can be
// reached at the address-of-record: a device's own address is nobody's business.
// It tells what each layer says, with what the tuples say of reachability.
func (k *known) join(out *pidf.Presence, registrar bool) claims {
	ids := map[string]bool{personID: true}
	out.Tuples = make([]pidf.Tuple, 0, max(len(k.published), 1))
	for _, p := range k.published {
		if p.Source == event.EPA || p.Source == event.Default {
			for i := range p.tuples {
				out.Tuples = append(out.Tuples, p.tuples[i])
				t := &out.Tuples[len(out.Tuples)-1]
				t.ID = unique(ids, t.ID, p.ID)
			}
		}
		out.Elements = union(out.Elements, p.doc.Elements)
		if out.Location == nil {
			out.Location = p.doc.Location
		}
	}
	if len(out.Tuples) > 1 {
		slices.SortStableFunc(out.Tuples, func(a, b pidf.Tuple) int {
			return cmp.Or(cmp.Compare(b.Basic, a.Basic), b.Timestamp.Compare(a.Timestamp), cmp.Compare(a.ID, b.ID))
		})
	}
	out.Tuples = out.Tuples[:min(len(out.Tuples), maxTuples)]
	k.devices(out, ids)
	c := k.claims(registrar, out.Tuples)
	basic := map[State]string{Available: "open", Away: "open", Offline: "closed"}[c[Reachability].state]
	switch {
	case len(out.Tuples) == 0:
		out.Tuples = append(out.Tuples, pidf.Tuple{ID: unique(ids, "presence", ""), Basic: basic})
		if basic == "open" {
			out.Tuples[0].Contact = out.Entity
		}
	case !k.heard && !k.registered: // hard state raises nobody (RFC 3903 §3)
		for i := range out.Tuples {
			out.Tuples[i].Basic = basic
		}
	}
	return c
}

// devices takes the newest element of each device (RFC 4479 §3.5).
func (k *known) devices(out *pidf.Presence, ids map[string]bool) {
	var at map[string]int
	for _, p := range k.published {
		for _, d := range p.doc.Devices {
			if at == nil {
				at = map[string]int{}
			}
			name := cmp.Or(d.DeviceID, p.ID+"\x00"+d.ID)
			j, twice := at[name]
			switch {
			case !twice && len(out.Devices) < maxTuples:
				at[name] = len(out.Devices)
				d.ID = unique(ids, d.ID, p.ID)
				out.Devices = append(out.Devices, d)
			case twice && d.Timestamp.After(out.Devices[j].Timestamp):
				d.ID = out.Devices[j].ID
				out.Devices[j] = d
			}
		}
	}
}

// unique keeps an id unless another publication has it, or XML would not have
// it as an id.
func unique(ids map[string]bool, id, input string) string {
	valid := id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == "" &&
		!strings.ContainsAny(id[:1], "0123456789-.")
	for n := byte(0); !valid || ids[id]; n++ {
		sum := sha256.Sum256([]byte(input + "\x00" + id + string(rune(n))))
		id, valid = "t"+hex.EncodeToString(sum[:6]), true
	}
	ids[id] = true
	return id
}

// claims is what each layer says. tuples are those of the composed document.
func (k *known) claims(registrar bool, tuples []pidf.Tuple) (c claims) {
	if call := OfDialogs(dialoginfo.Merge(k.reports)); call != Unknown {
		c.enter(Calls, call, k.caller, time.Time{})
	}
	c[Reachability] = claim{state: Unknown}
	reach := &c[Reachability]
	switch {
	case k.heard || k.registered:
		reach.state = Available
		if len(tuples) > 0 {
			reach.state = basic(tuples)
		}
	case registrar:
		reach.state = Offline
	case c[Calls].state != 0: // where no bindings are known a call is as good
		reach.state, reach.by = Available, k.caller
	}
	if k.registered && !k.heard {
		reach.by = k.bound
		if !k.awake && reach.state == Available {
			reach.state = Away // reached by waking a device alone
		}
	}
	idle := k.idle()
	for _, p := range k.published {
		for l := Override; l <= Fallback; l++ {
			c.enter(l, p.claims[l].state, p.claims[l].by, p.claims[l].until)
		}
	}
	if idle {
		c.enter(Activity, Away, nil, time.Time{})
	}
	return c
}

// union joins two lists, up to a length.
func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if len(a) < maxOthers && !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}
