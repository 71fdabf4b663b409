package presence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// Explain says which layer chose the headline, and why; and of each input what it
// says, and why it counts or not.
func (p Package) Explain(aor event.AoR, in []event.Input, now time.Time) event.Explanation {
	k := p.gather(aor, in, now)
	c := k.join(&pidf.Presence{Entity: string(aor)}, p.Registrar)
	state, won := c.decide()
	out := event.Explanation{State: state.Token(), Next: k.next}
	for i := range in {
		out.Inputs = append(out.Inputs, k.inputReason(&in[i], state, won, now))
	}
	for _, q := range k.published {
		if q.Key == standing {
			domains := event.Input{Key: standing, Doc: q.doc}
			out.Inputs = append(out.Inputs, k.inputReason(&domains, state, won, now))
		}
	}
	for l := Override; l <= Reachability; l++ {
		out.Layers = append(out.Layers, c.layerReason(l, state, won))
	}
	is := " is " + state.Words()
	if state == DND {
		is = " does not want to be disturbed"
	}
	out.Says = strings.TrimPrefix(string(aor), "sip:") + is + ": " + reasons[won]
	return out
}

// reasons is why a layer counts that chose the headline.
var reasons = [...]string{
	Override:     "the user said so, and that comes before all else",
	Calls:        "there is a call",
	Manual:       "the user chose it, and is in no call",
	Meetings:     "a calendar says so, and the user said nothing else",
	Activity:     "a device says so, and nothing stronger does",
	Fallback:     "this was said to be shown where no device says anything",
	Reachability: "nothing more is known than who can be reached",
}

func (c *claims) layerReason(l Layer, state State, won Layer) event.LayerReason {
	said := c[l]
	r := event.LayerReason{Layer: l.String(), Until: said.until}
	if said.state != 0 {
		r.Says = said.state.Words()
	}
	switch {
	case l == won:
		r.Won, r.Why = true, reasons[l]
	case said.state == 0:
		r.Why = "nothing is said here"
	case l > won:
		r.Why = won.String() + " comes before it"
	case said.state == InDoubt:
		r.Why = "nobody has said for a while that the call goes on: that takes the place of available alone"
	case won == Calls:
		r.Why = "available never outranks a call"
	default:
		r.Why = "who cannot be reached is not available"
	}
	return r
}

// inputReason is what an input says, and why it does not count.
func (k *known) inputReason(in *event.Input, state State, won Layer, now time.Time) event.InputReason {
	r := event.Reason(in, "", now)
	why := ""
	switch doc := in.Doc.(type) {
	case *dialoginfo.Info:
		r.Says = dialogWords(doc)
	case *reginfo.Contact:
		r.Says = contactWords(doc)
		if doc.State != reginfo.Active {
			why = "it has ended"
		}
	case *pidf.Presence:
		r.Says, why = presenceWords(doc, now), k.leftOut(&in.Key, frees(state, won), won)
	default:
		why = "it is no part of presence"
	}
	if r.Counts && why != "" {
		r.Counts, r.Why = false, why
	}
	return r
}

// leftOut is why a document that is live does not count; "": it does.
func (k *known) leftOut(of *event.Key, free bool, won Layer) string {
	i := slices.IndexFunc(k.published, func(p *publication) bool { return p.Key == *of })
	switch {
	case i >= 0 && k.published[i].signedOff:
		return "this device says of itself that it cannot be reached"
	case i >= 0 && free && k.published[i].claims[won].state == 0:
		return "the user chose to be available"
	case i >= 0:
		return ""
	case of.Source == event.Default && k.heard:
		return "a device says something, and this is for when none does"
	case of.Source == event.Default:
		return "the user has another default"
	}
	return "the same device has said something newer"
}

func dialogWords(doc *dialoginfo.Info) string {
	var words []string
	for i := range doc.Dialogs {
		d := &doc.Dialogs[i]
		w := d.State
		if d.Direction != "" {
			w += ", " + d.Direction
		}
		if d.Doubtful {
			w += ", in doubt"
		}
		words = append(words, w)
	}
	if words == nil {
		return "no call"
	}
	return "a call: " + strings.Join(words[:min(len(words), 8)], "; ")
}

func contactWords(doc *reginfo.Contact) string {
	words := doc.URI + " is " + doc.State
	if doc.Asleep {
		words += ", asleep"
	}
	return words
}

// presenceWords is a document in a few words.
func presenceWords(doc *pidf.Presence, now time.Time) string {
	var words []string
	if on, until := doc.DND(now); on {
		w := DND.Words()
		if !until.IsZero() {
			w += " until " + until.Format(time.RFC3339)
		}
		words = append(words, w)
	}
	for i := range doc.Tuples {
		if b := doc.Tuples[i].Basic; b != "" {
			words = append(words, b)
		}
	}
	for i := range doc.Persons {
		words = append(words, personWords(&doc.Persons[i])...)
	}
	for _, n := range doc.AllNotes() {
		words = append(words, fmt.Sprintf("%q", n.Text))
	}
	if len(words) == 0 {
		return "nothing in particular"
	}
	return strings.Join(words[:min(len(words), 16)], ", ")
}

func personWords(p *pidf.Person) (words []string) {
	if p.Manual {
		words = append(words, "chosen by hand")
	}
	words = append(words, p.Activities...)
	for _, t := range p.Timed {
		for _, a := range t.Activities {
			if !t.From.IsZero() {
				a += " from " + t.From.Format(time.RFC3339)
			}
			if !t.Until.IsZero() {
				a += " until " + t.Until.Format(time.RFC3339)
			}
			words = append(words, a)
		}
	}
	return words
}
