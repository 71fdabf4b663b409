package eventtest

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/event"
)

// words is a document of a package made for this test.
type words struct {
	Entity string
	List   []string
	Since  time.Time
}

// toy is that package; what breaks names the way in which it is broken.
type toy struct {
	breaks string
}

func (p toy) is(what string) bool { return p.breaks == what }

func (p toy) Event() event.Name { return "toy" }

func (p toy) Reads() []event.Name {
	if p.is("names") {
		return []event.Name{"other"}
	}
	return []event.Name{"toy"}
}

func (p toy) Types() []string       { return []string{"application/toy+xml", "application/toy2+xml"} }
func (p toy) AcceptTypes() []string { return p.Types()[:1] }

func (p toy) Entity(d event.Document) string {
	if p.is("publish again") {
		return "sip:somebody-else@example.test"
	}
	return d.(*words).Entity
}

func (p toy) Lifetime() event.Lifetime {
	l := event.Lifetime{Min: time.Minute, Default: time.Hour, Max: time.Hour, Refill: time.Second, Burst: 1}
	if p.is("lifetime") {
		l.Default = time.Second
	}
	return l
}

func (p toy) Parse(kind string, b []byte) (event.Document, error) {
	if !slices.Contains(p.AcceptTypes(), kind) {
		return nil, event.ErrUnsupportedType
	}
	var doc struct {
		XMLName xml.Name `xml:"toy"`
		Entity  string   `xml:"entity,attr"`
		Word    []string `xml:"word"`
	}
	dec := xml.NewDecoder(strings.NewReader(string(b)))
	err := dec.Decode(&doc)
	if err == nil {
		if _, after := dec.Token(); after == nil {
			err = fmt.Errorf("more than one document")
		}
	}
	if err != nil && !p.is("parse") {
		return nil, &event.MalformedError{Reason: err.Error()}
	}
	return &words{Entity: doc.Entity, List: doc.Word}, nil
}

func (p toy) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	out, next := &words{Entity: string(aor)}, time.Time{}
	if p.is("empty look") && len(in) == 0 {
		next = now.Add(time.Hour)
	}
	for _, i := range in {
		for _, at := range []time.Time{i.From, i.Until} {
			if !at.IsZero() && (at.After(now) || p.is("next")) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		if i.From.After(now) || !i.Until.IsZero() && !i.Until.After(now) && !p.is("from and until") {
			continue
		}
		w, ok := i.Doc.(*words)
		switch {
		case !ok && p.is("foreign inputs"):
			out.List = append(out.List, "?")
		case ok && p.is("samples differ"):
			out.List = []string{"same"}
		case ok:
			out.List = append(out.List, w.List...)
			out.Since = i.Made
		}
		if ok && p.is("pure") {
			w.List[0] += "!"
		}
	}
	if !p.is("order") {
		slices.SortFunc(out.List, func(a, b string) int { return cmp.Compare(a, b) })
		out.Since = noon
	}
	return out, next
}

func (p toy) Encode(entity string, d event.Document, f event.Format) (event.Body, error) {
	return p.EncodeAt(entity, d, f, time.Time{})
}

func (p toy) EncodeAt(entity string, d event.Document, _ event.Format, now time.Time) (event.Body, error) {
	var b strings.Builder
	b.WriteString(`<toy entity="`)
	if p.is("encode") {
		b.WriteString(entity)
	} else {
		xml.EscapeText(&b, []byte(entity))
	}
	b.WriteString(`"`)
	if doc := d.(*words); !now.IsZero() && !p.is("older") {
		fmt.Fprintf(&b, ` age="%d"`, now.Sub(doc.Since))
	}
	b.WriteString(">")
	for _, w := range d.(*words).List {
		fmt.Fprintf(&b, "<word>%s</word>", w)
	}
	b.WriteString("</toy>")
	return event.Body{Head: []byte(b.String())}, nil
}

func (p toy) View(d event.Document, r event.Rights) event.Document {
	if r == event.RightsAll || p.is("view") {
		return d
	}
	return &words{Entity: d.(*words).Entity}
}

func (p toy) Urgent(_, _ event.Document) bool { return p.is("urgent") }

func samples() []any {
	return []any{`<toy entity="sip:alice@example.test"><word>b</word></toy>`, &words{List: []string{"a"}},
		event.Input{Key: event.Key{Event: "toy"}, Doc: &words{List: []string{"c"}}}}
}

func TestAPackageThatKeepsTheContractPasses(t *testing.T) {
	Run(t, toy{}, samples()...)
}

// Every check finds the one thing that is broken for it.
func TestEveryCheckBites(t *testing.T) {
	for _, c := range checks {
		k, err := newKit(toy{breaks: c.name}, samples())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err := c.run(k); err == nil {
			t.Errorf("%s finds nothing", c.name)
		}
	}
}

func TestSamplesAreAskedFor(t *testing.T) {
	if _, err := newKit(toy{}, samples()[:1]); err == nil {
		t.Error("one sample was enough")
	}
	if _, err := newKit(toy{}, []any{"busy", "free"}); err == nil {
		t.Error("samples that are no documents were taken")
	}
}
