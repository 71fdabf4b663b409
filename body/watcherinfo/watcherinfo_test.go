package watcherinfo

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

func TestTheDocumentSaysWhoWatches(t *testing.T) {
	info := Info{Resource: "sip:alice@example.com", Package: "presence", Watchers: []Watcher{
		{ID: "a", URI: `sip:"b<&@example.com`, Status: "active", Event: "subscribe", Expiration: time.Minute, DurationSubscribed: time.Second},
		{ID: "b", URI: "sip:carol@example.com", Status: "terminated", Event: "timeout"},
	}}
	b := info.AppendTail(append(info.AppendHead(nil), "7"...))
	var got struct {
		Version string `xml:"version,attr"`
		State   string `xml:"state,attr"`
		List    struct {
			Resource string `xml:"resource,attr"`
			Watchers []struct {
				Status     string `xml:"status,attr"`
				Expiration string `xml:"expiration,attr"`
				URI        string `xml:",chardata"`
			} `xml:"watcher"`
		} `xml:"watcher-list"`
	}
	if err := xml.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if got.Version != "7" || got.State != "full" || got.List.Resource != info.Resource {
		t.Errorf("got %+v", got)
	}
	w := got.List.Watchers
	if len(w) != 2 || w[0].URI != info.Watchers[0].URI || w[0].Expiration != "60" || w[1].Expiration != "" {
		t.Errorf("watchers %+v", w)
	}
	if strings.ContainsAny(string(b), "\x00\x01") {
		t.Error("control characters in the document")
	}
}
