package sip_test

import (
	"reflect"
	"strings"
	"testing"

	"lamplight/sip"
)

const subscribe = `SUBSCRIBE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
Record-Route: <sip:p3.example.com>
From: "Alice" <sip:alice@example.com>;tag=theirs;x="y z"
To: <sip:bob@example.com>
Call-ID: one
CSeq: 7 SUBSCRIBE
Contact: <sip:alice@192.0.2.1:5070;method=X;transport=udp?a=b>;expires=3
Event: presence

`

// RFC 3261 §12.1.1.
func TestADialogOfTheServer(t *testing.T) {
	d, err := sip.NewUASDialog(parse(t, subscribe), "ours")
	want := sip.Dialog{CallID: "one", LocalTag: "ours", RemoteTag: "theirs", Local: "<sip:bob@example.com>",
		Remote: `"Alice" <sip:alice@example.com>;x="y z"`, Target: "sip:alice@192.0.2.1:5070;transport=udp", RemoteCSeq: 7,
		Routes: []string{"<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>", "<sip:p3.example.com>"}}
	if err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, %v\nwant %+v", d, err, want)
	}
}

// RFC 3261 §12.1.2: the same dialog from the other side, its routes reversed.
func TestADialogOfTheClient(t *testing.T) {
	const response = `SIP/2.0 200 OK
Record-Route: <sip:p1;lr>, <sip:p2;lr>
From: <sip:alice@example.com>;tag=ours
To: "Bob" <sip:bob@example.com>;tag=theirs
Call-ID: one
CSeq: 7 SUBSCRIBE
Contact: sip:server;x
Record-Route: <sip:p3;lr>

`
	want := sip.Dialog{CallID: "one", LocalTag: "ours", RemoteTag: "theirs", Local: "<sip:alice@example.com>", Remote: `"Bob" <sip:bob@example.com>`,
		Target: "sip:server", Routes: []string{"<sip:p3;lr>", "<sip:p2;lr>", "<sip:p1;lr>"}}
	if d, err := sip.NewUACDialog(parse(t, response)); err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("%+v, %v\nwant %+v", d, err, want)
	}
	// The NOTIFY that overtakes the 200 (RFC 6665 §4.1.2.4): From and To, and the order of routes, are the other way.
	notify := strings.NewReplacer("SIP/2.0 200 OK", "NOTIFY sip:alice@192.0.2.1 SIP/2.0", "From: <sip:alice@example.com>;tag=ours", "t: <sip:alice@example.com>;tag=ours",
		"To: ", "f: ", "7 SUBSCRIBE", "3 NOTIFY", "<sip:p1;lr>", "<sip:p3;lr>", "<sip:p3;lr>", "<sip:p1;lr>").Replace(response)
	want.RemoteCSeq = 3
	if d, err := sip.NewUACDialog(parse(t, notify)); err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("by NOTIFY %+v, %v\nwant %+v", d, err, want)
	}
}

// RFC 3261 §8.1.1.8, §12.1.1: without one SIP or SIPS URI there is no target.
func TestWhatBeginsNoDialog(t *testing.T) {
	const contact = "Contact: <sip:alice@192.0.2.1:5070;method=X;transport=udp?a=b>;expires=3"
	for _, line := range []string{"X: y", "Contact: *", "Contact: <sip:a>, <sip:b>", "Contact: <sip:a>\nContact: <sip:b>", "Contact: <tel:+1>", "Contact: <http://a>", "Contact: <sip:>", "Contact: a b"} {
		text := strings.Replace(subscribe, contact, line, 1)
		if d, err := sip.NewUASDialog(parse(t, text), "ours"); err == nil {
			t.Errorf("%s: target %q", line, d.Target)
		}
		if d, err := sip.NewUACDialog(parse(t, strings.Replace(text, "SUBSCRIBE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1))); err == nil {
			t.Errorf("%s in a response: target %q", line, d.Target)
		}
	}
	for _, h := range []string{"From", "To", "CSeq"} {
		if _, err := sip.NewUASDialog(parse(t, strings.Replace(subscribe, h+":", "X-"+h+":", 1)), "ours"); err == nil && h != "To" {
			t.Errorf("without %s", h)
		}
	}
}

// RFC 3261 §12.2.1.1.
func TestARequestInADialog(t *testing.T) {
	for name, c := range map[string]struct {
		routes []string
		uri    string
		want   []string
	}{
		"no route":           {nil, "sip:t@h", nil},
		"loose":              {[]string{"<sip:p1;lr>", "<sip:p2>"}, "sip:t@h", []string{"<sip:p1;lr>", "<sip:p2>"}},
		"loose with a value": {[]string{"<sip:p1;LR=on>"}, "sip:t@h", []string{"<sip:p1;LR=on>"}},
		"strict":             {[]string{"<sip:p1;method=X;maddr=h?a=b>;x", "<sip:p2;lr>"}, "sip:p1;maddr=h", []string{"<sip:p2;lr>", "<sip:t@h>"}},
		"lr of the field":    {[]string{"<sip:p1>;lr"}, "sip:p1", []string{"<sip:t@h>"}},
		"unreadable":         {[]string{"<p1"}, "sip:t@h", []string{"<p1"}},
	} {
		d := sip.Dialog{CallID: "one", LocalTag: "ours", RemoteTag: "theirs", Local: `"B" <sip:b@b>`, Remote: "<sip:a@a>;x=y", Target: "sip:t@h", Routes: c.routes}
		r := d.Request(sip.NOTIFY, 5)
		if r.URI != c.uri || !reflect.DeepEqual(r.Routes, c.want) {
			t.Errorf("%s: to %s by %q, want %s by %q", name, r.URI, r.Routes, c.uri, c.want)
		}
		if r.From != `"B" <sip:b@b>;tag=ours` || r.To != "<sip:a@a>;x=y;tag=theirs" || r.CallID != "one" || r.CSeq != 5 || r.Method != sip.NOTIFY {
			t.Errorf("%s: %+v", name, r)
		}
	}
	d := sip.Dialog{Local: "<sip:b@b>", Remote: "<sip:a@a>", LocalTag: "ours"} // with a client older than RFC 3261
	if r := d.Request(sip.NOTIFY, 5); r.To != "<sip:a@a>" {
		t.Errorf("without a remote tag To is %s", r.To)
	}
}

func TestADialogIsStored(t *testing.T) {
	for _, d := range []sip.Dialog{
		{},
		{CallID: "one", LocalTag: "ours", RemoteTag: "theirs", Local: "l", Remote: "r", Target: "t", RemoteCSeq: 1<<32 - 1, Routes: []string{"a\nb", "", "c"}},
		{CallID: strings.Repeat("x", 300), Routes: []string{strings.Repeat("y", 20000)}},
	} {
		b, err := d.AppendBinary([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		b = b[len("before"):]
		got := sip.Dialog{CallID: "old", Routes: []string{"old"}}
		if err := got.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v, %v; want %+v", got, err, d)
		}
		if err := new(sip.Dialog).UnmarshalBinary(b[:len(b)-1]); err == nil {
			t.Errorf("%+v was read without its last byte", d)
		}
	}
	var d sip.Dialog
	for _, b := range []string{"", "\x00", "\x02\x00\x00\x00\x00\x00\x00\x00", "\x01\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00", "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7fx"} {
		if err := d.UnmarshalBinary([]byte(b)); err == nil {
			t.Errorf("%q was read as %+v", b, d)
		}
	}
}
