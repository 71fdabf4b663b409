package watcherinfo

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"lamplight/body/internal/examples"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var two = Info{State: "full", Version: 7, Lists: []List{{Resource: "sip:alice@example.com", Package: "presence", Watchers: []Watcher{
	{ID: "a", URI: `sip:"b<&@example.com`, DisplayName: "B & C", Status: Active, Event: Subscribe, Since: noon.Add(-time.Second), Until: noon.Add(time.Minute)},
	{ID: "b", URI: "sip:carol@example.com", Status: Terminated, Event: Timeout, Since: noon.Add(-time.Hour), Until: noon.Add(-time.Minute)},
}}}}

func text(i *Info, now time.Time) string {
	return string(i.AppendTail(append(i.AppendHead(nil), "7"...), now))
}

func TestTheDocumentSaysWhoWatches(t *testing.T) {
	got := text(&two, noon)
	for _, want := range []string{`version="7" state="full"`, `resource="sip:alice@example.com" package="presence"`,
		`<watcher id="a" status="active" event="subscribe" display-name="B &amp; C" expiration="60" duration-subscribed="1">sip:&quot;b&lt;&amp;@example.com</watcher>`,
		`<watcher id="b" status="terminated" event="timeout" duration-subscribed="3600">sip:carol@example.com</watcher>`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if later := text(&two, time.Time{}); strings.Contains(later, "expiration") || strings.Contains(later, "duration") {
		t.Errorf("lengths without a time to tell them from:\n%s", later)
	}
}

func TestWhatIsPrintedIsReadAgain(t *testing.T) {
	got, err := Parse([]byte(text(&two, noon)), noon)
	want := two
	want.Lists = []List{two.Lists[0]}
	want.Lists[0].Watchers = append([]Watcher(nil), two.Lists[0].Watchers...)
	want.Lists[0].Watchers[1].Until = time.Time{}
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("read %+v, %v, want %+v", got, err, want)
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	for _, doc := range []string{"", `<watcherinfo/>`, `<watcher-list xmlns="` + Space + `"/>`,
		`<watcherinfo xmlns="` + Space + `">` + strings.Repeat("<watcher-list/>", MaxLists+1) + `</watcherinfo>`} {
		if _, err := Parse([]byte(doc), noon); err == nil {
			t.Errorf("%.80s was read", doc)
		}
	}
}

func TestWhatOthersPrintIsRead(t *testing.T) {
	examples.Each(t, ".xml", func(name string, doc []byte) {
		if !examples.Has(doc, "watcherinfo") {
			return
		}
		if i, err := Parse(doc, noon); err != nil || len(i.Lists) == 0 || len(i.Lists[0].Watchers) == 0 {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(text(&two, noon)))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b, noon)
		if err != nil {
			return
		}
		once := text(i, noon)
		again, err := Parse([]byte(once), noon)
		if err != nil && len(once) < 4*len(b) {
			t.Fatalf("%v after\n%s", err, once)
		}
		if err == nil && text(again, noon) != once {
			t.Fatalf("printed once\n%s\nand again\n%s", once, text(again, noon))
		}
	})
}
