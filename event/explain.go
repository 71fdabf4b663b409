package event

import "time"

// Explainer is a Package that can say why a document is as it is. In are all
// inputs of the events that it reads.
type Explainer interface {
	Explain(aor AoR, in []Input, now time.Time) Explanation
}

// Explanation is why somebody's state is as it is, in words.
type Explanation struct {
	State  string        `json:"state"`         // in a word for programs
	Says   string        `json:"says"`          // in one sentence
	Inputs []InputReason `json:"inputs"`        // of all that is known, whether or not it counts
	Layers []LayerReason `json:"layers"`        // the strongest first
	Next   time.Time     `json:"next,omitzero"` // when it changes by itself; zero: never
}

// InputReason is what an input says, and whether it counts.
type InputReason struct {
	Event  Name      `json:"event"`
	Source string    `json:"source"`
	ID     string    `json:"id,omitempty"` // where it is nobody's secret
	Says   string    `json:"says"`
	Made   time.Time `json:"made,omitzero"`
	From   time.Time `json:"from,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Counts bool      `json:"counts"`
	Why    string    `json:"why,omitempty"` // it doesn't
}

// LayerReason is what a layer says, and what came of it.
type LayerReason struct {
	Layer string    `json:"layer"`
	Says  string    `json:"says,omitempty"` // "": nothing
	Until time.Time `json:"until,omitzero"`
	Won   bool      `json:"won,omitempty"` // it chose what is shown first
	Why   string    `json:"why"`
}

var sourceNames = [...]string{EPA: "publication", Registrar: "registration", Call: "call", Calendar: "calendar", User: "user",
	Default: "default", Watcher: "subscription", Stored: "document"}

// String says who makes inputs of the source.
func (s Source) String() string {
	if int(s) < len(sourceNames) && sourceNames[s] != "" {
		return sourceNames[s]
	}
	return "unknown"
}

// Reason is what is true of any input: when it was made, and whether its time is
// now. What the makers of the others call theirs is kept to the server: of a
// publication it is the entity-tag, of a calendar it may be its address.
func Reason(in *Input, says string, now time.Time) InputReason {
	r := InputReason{Event: in.Event, Source: in.Source.String(), Says: says, Made: in.Made, From: in.From, Until: in.Until, Counts: true}
	if in.Source == User || in.Source == Default {
		r.ID = in.ID
	}
	switch {
	case in.From.After(now):
		r.Counts, r.Why = false, "its time has not come"
	case !in.Until.IsZero() && !in.Until.After(now):
		r.Counts, r.Why = false, "its time is over"
	}
	return r
}
