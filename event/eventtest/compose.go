package eventtest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"lamplight/event"
)

func (k *kit) names() error {
	name, reads, types := k.pkg.Event(), k.pkg.Reads(), k.pkg.Types()
	switch {
	case name == "":
		return errors.New("no name")
	case !slices.Contains(reads, name):
		return fmt.Errorf("reads %q without its own event", reads)
	case len(slices.Compact(slices.Sorted(slices.Values(reads)))) != len(reads):
		return fmt.Errorf("reads an event twice: %q", reads)
	case len(types) == 0 || len(slices.Compact(slices.Sorted(slices.Values(types)))) != len(types):
		return fmt.Errorf("types %q", types)
	}
	if pub, ok := k.pkg.(event.Publisher); ok && len(pub.AcceptTypes()) == 0 {
		return errors.New("a Publisher that accepts nothing")
	}
	return nil
}

func (k *kit) lifetime() error {
	l := k.pkg.Lifetime()
	if l.Min <= 0 || l.Min > l.Default || l.Default > l.Max || l.Refill <= 0 || l.Burst < 1 {
		return fmt.Errorf("lifetime %+v", l)
	}
	return nil
}

// emptyLook: no input is a document like any other, at all times the same.
func (k *kit) emptyLook() error {
	first, next, err := k.bytes(nil, noon)
	if err != nil || first == "" {
		return fmt.Errorf("no input is %q, %v", first, err)
	}
	if !next.IsZero() {
		return fmt.Errorf("no input changes by itself at %v", next)
	}
	later, _, err := k.bytes([]event.Input{}, noon.Add(time.Hour))
	if later != first {
		return fmt.Errorf("no input is\n%s\nand an hour later\n%s\n%v", first, later, err)
	}
	return nil
}

func (k *kit) samplesDiffer() error {
	seen := map[string]string{}
	text, _ := k.empty()
	seen[text] = "no input"
	return k.alone(func(in event.Input) error {
		text, _, err := k.bytes([]event.Input{in}, noon)
		if other, ok := seen[text]; ok || err != nil {
			return fmt.Errorf("it is the same as %s: %v\n%s", other, err, text)
		}
		seen[text] = in.ID
		return nil
	})
}

// order: the order of the inputs doesn't matter, whether they were made at the
// same time or one after the other.
func (k *kit) order() error {
	for _, step := range []time.Duration{0, time.Second, -time.Second} {
		in := slices.Clone(k.inputs[:min(len(k.inputs), 4)])
		for i := range in {
			in[i].Made = noon.Add(time.Duration(i) * step)
		}
		want, wantNext, err := k.bytes(in, noon)
		if err != nil {
			return err
		}
		err = permutations(in, func(in []event.Input) error {
			if text, next, err := k.bytes(in, noon); text != want || !next.Equal(wantNext) {
				return fmt.Errorf("step %v: in one order\n%s\nin another\n%s\n%v", step, want, text, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pure: the same inputs give the same bytes, and neither they nor a document
// are changed.
func (k *kit) pure() error {
	in := slices.Clone(k.inputs)
	before := deepCopy(reflect.ValueOf(in)).Interface()
	first, _, err := k.bytes(in, noon)
	if err != nil {
		return err
	}
	doc, _ := k.pkg.Compose(aor, in, noon)
	whole := deepCopy(reflect.ValueOf(doc)).Interface()
	for range 20 {
		if text, err := k.encoded(doc, entity); text != first {
			return fmt.Errorf("once\n%s\nand then\n%s\n%v", first, text, err)
		}
		if v, ok := k.pkg.(event.Viewer); ok {
			v.View(doc, "")
			v.View(doc, event.RightsAll)
		}
		doc, _ = k.pkg.Compose(aor, in, noon)
	}
	switch {
	case !reflect.DeepEqual(in, before):
		return errors.New("the inputs were changed")
	case !reflect.DeepEqual(doc, whole):
		return errors.New("the document was changed")
	}
	return nil
}

// deepCopy copies all that a document's pointers and slices lead to.
func deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(deepCopy(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(deepCopy(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			out.Index(i).Set(deepCopy(v.Index(i)))
		}
	case reflect.Struct:
		out.Set(v)
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(deepCopy(v.Field(i)))
			}
		}
	default:
		out.Set(v)
	}
	return out
}

// foreignInputs: what a package doesn't read or doesn't know changes nothing.
func (k *kit) foreignInputs() error {
	want, _, err := k.bytes(k.inputs, noon)
	if err != nil {
		return err
	}
	for i, doc := range []event.Document{nil, new(struct{ Foreign bool }), "foreign"} {
		for _, name := range append(k.pkg.Reads(), "foreign") {
			in := event.Input{Key: event.Key{Event: name, Source: event.Call, ID: fmt.Sprint("foreign", i)}, Made: noon, Doc: doc}
			if text, _, err := k.bytes(append(slices.Clone(k.inputs), in), noon); text != want {
				return fmt.Errorf("%T as an input of %s changes\n%s\nto\n%s\n%v", doc, name, want, text, err)
			}
		}
	}
	return nil
}

// next: the next change is still to come, and nothing changes before it.
func (k *kit) next() error {
	return k.alone(func(in event.Input) error {
		in.From, in.Until = noon.Add(time.Minute), noon.Add(time.Hour)
		for _, at := range []time.Duration{0, time.Minute - 1, time.Minute, 30 * time.Minute, time.Hour - 1, time.Hour, 2 * time.Hour} {
			now := noon.Add(at)
			text, next, err := k.bytes([]event.Input{in}, now)
			if !next.IsZero() && !next.After(now) {
				return fmt.Errorf("at %v the next change was at %v", now, next)
			}
			if next.IsZero() {
				next = now.Add(24 * time.Hour)
			}
			if before, _, _ := k.bytes([]event.Input{in}, next.Add(-1)); before != text || err != nil {
				return fmt.Errorf("it changes between %v and the next change, %v: %v", now, next, err)
			}
		}
		return nil
	})
}

// fromAndUntil: an input counts within its time, here a minute, and no longer.
func (k *kit) fromAndUntil() error {
	empty, err := k.empty()
	if err != nil {
		return err
	}
	return k.alone(func(in event.Input) error {
		whole, _, _ := k.bytes([]event.Input{in}, noon)
		in.From, in.Until = noon, noon.Add(time.Minute)
		for _, c := range []struct {
			at   time.Duration
			want string
		}{{-time.Second, empty}, {0, whole}, {time.Minute - 1, whole}, {time.Minute, empty}} {
			if text, _, _ := k.bytes([]event.Input{in}, noon.Add(c.at)); text != c.want {
				return fmt.Errorf("%v after its beginning:\n%s\nwant\n%s", c.at, text, c.want)
			}
		}
		return nil
	})
}
