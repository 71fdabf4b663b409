package xcapdiff

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/body/xcapdiff"
	"lamplight/event"
	"lamplight/event/eventtest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestContract(t *testing.T) {
	eventtest.Run(t, Package{Root: "/xcap-root/"}, &xcapdiff.Document{Sel: "pres-rules/users/sip:alice@example.test/index", NewETag: "1"},
		&xcapdiff.Document{Sel: "pres-rules/users/sip:alice@example.test/index", NewETag: "2"},
		&xcapdiff.Document{Sel: "resource-lists/users/sip:alice@example.test/index", NewETag: "1"})
}

// keeps composes what somebody keeps, "name=entity-tag" each.
func keeps(list ...string) event.Document {
	var in []event.Input
	for _, one := range list {
		sel, etag, _ := strings.Cut(one, "=")
		in = append(in, event.Input{Key: event.Key{Event: Name, Source: event.Stored, ID: sel}, Doc: &xcapdiff.Document{Sel: sel, NewETag: etag}})
	}
	doc, _ := Package{Root: "/xcap-root/"}.Compose("sip:alice@example.test", in, noon)
	return doc
}

func TestWhatHasChanged(t *testing.T) {
	before, after := keeps("stays=1", "changes=1", "goes=1"), keeps("stays=1", "comes=1", "changes=2")
	got := Package{}.Diff(before, after).(*xcapdiff.Diff)
	want := []xcapdiff.Document{{Sel: "changes", NewETag: "2", PreviousETag: "1"}, {Sel: "comes", NewETag: "1"}, {Sel: "goes", PreviousETag: "1"}}
	if !slices.Equal(got.Documents, want) || got.Root != "/xcap-root/" {
		t.Errorf("%+v, want %+v", got, want)
	}
	if all := after.(*xcapdiff.Diff).Documents; !slices.Equal(all, keeps("changes=2", "comes=1", "stays=1").(*xcapdiff.Diff).Documents) || all[0].PreviousETag != "" {
		t.Errorf("what is told of changes is written into the state: %+v", all)
	}
}
