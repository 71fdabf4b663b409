package eventtest

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lamplight/event"
)

// documents are those of each sample, of all together, and of none.
func (k *kit) documents() []event.Document {
	empty, _ := k.pkg.Compose(aor, nil, noon)
	all, _ := k.pkg.Compose(aor, k.inputs, noon)
	list := []event.Document{empty, all}
	for _, in := range k.inputs {
		doc, _ := k.pkg.Compose(aor, []event.Input{in}, noon)
		list = append(list, doc)
	}
	return list
}

// encode: every document is written in every type, about whatever was watched,
// and is well-formed where the type is one of XML.
func (k *kit) encode() error {
	for _, doc := range k.documents() {
		for _, kind := range k.pkg.Types() {
			for _, about := range []string{entity, `sip:"<&'>@example.test`} {
				body, err := k.pkg.Encode(about, doc, event.Format{Type: kind})
				if err == nil {
					err = written(join(body), cmp.Or(body.Type, kind), about)
				}
				if err != nil {
					return fmt.Errorf("about %s as %s: %w", about, kind, err)
				}
			}
		}
	}
	return nil
}

func written(text, kind, about string) error {
	if text == "" {
		return errors.New("empty")
	}
	if !strings.HasSuffix(kind, "xml") {
		return nil
	}
	names := strings.HasPrefix(kind, "application/xcap-diff") // whose documents they are their paths say (RFC 5874 §3)
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w in\n%s", err, text)
		}
		if start, ok := tok.(xml.StartElement); ok {
			for _, a := range start.Attr {
				names = names || a.Value == about || strings.HasPrefix(a.Value, about+";") // older documents add parameters
			}
		}
	}
	if !names {
		return fmt.Errorf("it doesn't name what is watched:\n%s", text)
	}
	return nil
}

// older: a document of an Aging package is written for every moment, and without
// one tells no lengths.
func (k *kit) older() error {
	aging, ok := k.pkg.(event.Aging)
	if !ok {
		return nil
	}
	for _, doc := range k.documents() {
		for _, kind := range k.pkg.Types() {
			for _, now := range []time.Time{noon, noon.Add(time.Hour)} {
				body, err := aging.EncodeAt(entity, doc, event.Format{Type: kind}, now)
				if err == nil {
					err = written(join(body), cmp.Or(body.Type, kind), entity)
				}
				if err != nil {
					return fmt.Errorf("as %s at %v: %w", kind, now, err)
				}
			}
		}
	}
	return k.lengths(aging)
}

// lengths: some document says more when the moment is known, and more still
// when it is another.
func (k *kit) lengths(aging event.Aging) error {
	for _, doc := range k.documents() {
		f := event.Format{Type: k.pkg.Types()[0]}
		still, _ := k.pkg.Encode(entity, doc, f)
		now, _ := aging.EncodeAt(entity, doc, f, noon)
		later, _ := aging.EncodeAt(entity, doc, f, noon.Add(time.Minute))
		if join(still) != join(now) && join(now) != join(later) {
			return nil
		}
	}
	return errors.New("no document grows older")
}

// parse: what is not a document is told from what is one of another type.
func (k *kit) parse() error {
	if _, err := k.pkg.Parse("application/x-foreign", []byte("<x/>")); !errors.Is(err, event.ErrUnsupportedType) {
		return fmt.Errorf("a foreign type: %v", err)
	}
	pub, ok := k.pkg.(event.Publisher)
	if !ok {
		if _, err := k.pkg.Parse(k.pkg.Types()[0], []byte("<x/>")); !errors.Is(err, event.ErrUnsupportedType) {
			return fmt.Errorf("the package is no Publisher and says %v", err)
		}
		return nil
	}
	whole, err := k.empty()
	if err != nil {
		return err
	}
	for _, kind := range pub.AcceptTypes() {
		for _, text := range []string{"", "busy", "<x/>", whole[:len(whole)/2], whole + "x", "\x00", "\xff\xfe"} {
			var malformed *event.MalformedError
			if doc, err := k.pkg.Parse(kind, []byte(text)); !errors.As(err, &malformed) || malformed.Reason == "" {
				return fmt.Errorf("%q as %s is %+v, %v", text, kind, doc, err)
			}
		}
	}
	return nil
}

// publishAgain: what a Publisher writes it reads, and it is about the same.
func (k *kit) publishAgain() error {
	pub, ok := k.pkg.(event.Publisher)
	if !ok {
		return nil
	}
	for _, doc := range k.documents() {
		text, err := k.encoded(doc, entity)
		if err != nil {
			return err
		}
		read, err := k.pkg.Parse(pub.AcceptTypes()[0], []byte(text))
		if err != nil {
			return fmt.Errorf("%w in\n%s", err, text)
		}
		if about := pub.Entity(read); about != "" && about != entity {
			return fmt.Errorf("it is about %q, not %q", about, entity)
		}
		if _, _, err := k.bytes([]event.Input{{Key: event.Key{Event: k.pkg.Event(), Source: event.EPA, ID: "again"}, Made: noon, Doc: read}}, noon); err != nil {
			return err
		}
	}
	return nil
}

// view: no right, and none that is known, shows what nobody's state looks like,
// to the byte; all rights show all.
func (k *kit) view() error {
	viewer, ok := k.pkg.(event.Viewer)
	if !ok {
		return nil
	}
	empty, err := k.empty()
	if err != nil {
		return err
	}
	for _, doc := range k.documents() {
		whole, _ := k.encoded(doc, entity)
		for r, want := range map[event.Rights]string{"": empty, "no-such-right": empty, event.RightsAll: whole} {
			if text, err := k.encoded(viewer.View(doc, r), entity); text != want {
				return fmt.Errorf("rights %q show\n%s\nwant\n%s\n%v", r, text, want, err)
			}
		}
	}
	return nil
}

// urgent: what doesn't change is not urgent.
func (k *kit) urgent() error {
	u, ok := k.pkg.(event.Urger)
	if !ok {
		return nil
	}
	for _, a := range k.documents() {
		for _, b := range k.documents() {
			x, _ := k.encoded(a, entity)
			y, _ := k.encoded(b, entity)
			if u.Urgent(a, b) && x == y {
				return fmt.Errorf("no change is urgent:\n%s", x)
			}
		}
	}
	return nil
}
