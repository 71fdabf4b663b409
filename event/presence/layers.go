package presence

import (
	"time"

	"lamplight/event"
)

// Layer is one of the things that make a person's state. The first that says
// something chooses the headline; what the others say stays among the activities.
type Layer uint8

// The layers, the strongest first.
const (
	Override     Layer = iota + 1 // do not disturb, and what the user chose until a time
	Calls                         // seen here, or told by a device
	Manual                        // what the user chose
	Meetings                      // a calendar's
	Activity                      // what devices say of the person
	Fallback                      // hard state (RFC 3903 §3): where no device says anything
	Reachability                  // bindings and publications
)

var layerNames = [...]string{Override: "override", Calls: "calls", Manual: "manual", Meetings: "calendar", Activity: "device activity",
	Fallback: "default", Reachability: "reachability"}

func (l Layer) String() string { return layerNames[l] }

// claim is what an input says in a layer.
type claim struct {
	state State
	by    *event.Key // nil: of several, or of none
	until time.Time  // zero: as long as the input says so
}

// claims are the strongest of each layer; the zero State is none.
type claims [Reachability + 1]claim

// enter takes a claim of a layer. Of two that are as strong, the one that lasts
// longer counts, and of these the first: the inputs come in a fixed order.
func (c *claims) enter(l Layer, s State, by *event.Key, until time.Time) {
	if s == 0 || s == Unknown {
		return
	}
	have := &c[l]
	if have.state == 0 || s < have.state || s == have.state && !have.until.IsZero() && (until.IsZero() || until.After(have.until)) {
		*have = claim{s, by, until}
	}
}

// decide finds the headline and the layer that chose it. A manual available never
// outranks a call, a call in doubt outranks that somebody is available and nothing
// else, and who cannot be reached is never available.
func (c *claims) decide() (State, Layer) {
	state, won := c.first()
	if doubt := c[Calls].state == InDoubt; doubt && state == Available {
		state, won = InDoubt, Calls
	}
	if reach := c[Reachability].state; state >= InDoubt && (reach == Offline || reach == Unknown) {
		state, won = reach, Reachability
	}
	return state, won
}

func (c *claims) first() (State, Layer) {
	for l := Override; l < Reachability; l++ {
		switch s := c[l].state; {
		case s == 0, l == Calls && s == InDoubt:
		case l == Override && s == Available && c[Calls].state != 0:
		default:
			return s, l
		}
	}
	return c[Reachability].state, Reachability
}

// frees tells whether the user chose to be available: what calendars and devices
// say beside that does not count.
func frees(state State, won Layer) bool {
	return state == Available && (won == Override || won == Manual)
}
