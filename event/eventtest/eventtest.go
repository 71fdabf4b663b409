// Package eventtest is the conformance kit of event packages: what the contract
// of package event (RFC 6665 §7) asks of every one of them, as one call in each
// package's test. It does not know what a package's documents mean.
package eventtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lamplight/event"
)

// Run checks a package. A sample is a published body of the first of its
// AcceptTypes (a string), the document of an input of the first event that it
// reads, or an event.Input. There must be two at least, and each alone must
// compose to something else than the others and than no input.
func Run(t *testing.T, pkg event.Package, samples ...any) {
	t.Helper()
	k, err := newKit(pkg, samples)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(k); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one thing that is asked of a package.
type check struct {
	name string
	run  func(*kit) error
}

var checks = []check{
	{"names", (*kit).names},
	{"lifetime", (*kit).lifetime},
	{"empty look", (*kit).emptyLook},
	{"samples differ", (*kit).samplesDiffer},
	{"order", (*kit).order},
	{"pure", (*kit).pure},
	{"foreign inputs", (*kit).foreignInputs},
	{"next", (*kit).next},
	{"from and until", (*kit).fromAndUntil},
	{"encode", (*kit).encode},
	{"older", (*kit).older},
	{"parse", (*kit).parse},
	{"publish again", (*kit).publishAgain},
	{"view", (*kit).view},
	{"urgent", (*kit).urgent},
}

const (
	aor    event.AoR = "sip:alice@example.test"
	entity string    = "sip:alice@example.test"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// kit is a package and what it is tried with.
type kit struct {
	pkg    event.Package
	inputs []event.Input // one of each sample
}

func newKit(pkg event.Package, samples []any) (*kit, error) {
	if len(samples) < 2 {
		return nil, fmt.Errorf("%d samples, want two at least", len(samples))
	}
	k := &kit{pkg: pkg}
	for i, s := range samples {
		in, err := k.input(s, i)
		if err != nil {
			return nil, fmt.Errorf("sample %d: %w", i, err)
		}
		k.inputs = append(k.inputs, in)
	}
	return k, nil
}

func (k *kit) input(sample any, i int) (event.Input, error) {
	in := event.Input{Key: event.Key{Event: k.pkg.Reads()[0], Source: event.EPA, ID: fmt.Sprint("sample", i)}, Made: noon}
	switch s := sample.(type) {
	case event.Input:
		if s.ID == "" {
			s.ID = in.ID
		}
		if s.Made.IsZero() {
			s.Made = in.Made
		}
		return s, nil
	case string:
		pub, ok := k.pkg.(event.Publisher)
		if !ok {
			return in, fmt.Errorf("a body, and the package is no Publisher")
		}
		doc, err := k.pkg.Parse(pub.AcceptTypes()[0], []byte(s))
		in.Doc = doc
		return in, err
	}
	in.Doc = sample
	return in, nil
}

// bytes is what a watcher is sent of some inputs.
func (k *kit) bytes(in []event.Input, now time.Time) (string, time.Time, error) {
	doc, next := k.pkg.Compose(aor, in, now)
	text, err := k.encoded(doc, entity)
	return text, next, err
}

func (k *kit) encoded(doc event.Document, entity string) (string, error) {
	body, err := k.pkg.Encode(entity, doc, event.Format{Type: k.pkg.Types()[0]})
	return join(body), err
}

func join(b event.Body) string {
	if b.Versioned {
		return string(b.Head) + "0" + string(b.Tail)
	}
	return string(b.Head) + string(b.Tail)
}

func (k *kit) empty() (string, error) {
	text, _, err := k.bytes(nil, noon)
	return text, err
}

// alone calls f with each sample alone.
func (k *kit) alone(f func(in event.Input) error) error {
	for _, in := range k.inputs {
		if err := f(in); err != nil {
			return fmt.Errorf("%s: %w", in.ID, err)
		}
	}
	return nil
}

// permutations calls f with every order of a list.
func permutations[T any](list []T, f func([]T) error) error {
	list = slices.Clone(list)
	var walk func(n int) error
	walk = func(n int) error {
		if n == len(list) {
			return f(list)
		}
		for i := n; i < len(list); i++ {
			list[n], list[i] = list[i], list[n]
			if err := walk(n + 1); err != nil {
				return err
			}
			list[n], list[i] = list[i], list[n]
		}
		return nil
	}
	return walk(0)
}
