package sip_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"lamplight/sip"
)

// FuzzURI: what is read is written alike, and equals itself.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:alice:secret@atlanta.com:5060;transport=tcp;lr?subject=a%20b&x=y", "sips:[2001:db8::1]:5061", "tel:+1-201-555-0123;phone-context=a",
		"sip:a?b;c=d@e", "sip:%00@h", "sip:+1(2).3@[::ffff:192.0.2.1]", "http://a", "sip:a@b@c", "sip:@"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := sip.ParseURI(text)
		if err != nil {
			return
		}
		if !bytes.Equal(u.Append(nil), text) {
			t.Errorf("%q becomes %q", text, u.Append(nil))
		}
		names, twice := map[string]bool{}, false // a parameter may be there once (RFC 3261 §19.1.1)
		for name := range u.Params.All() {
			twice = twice || names[strings.ToLower(string(name))]
			names[strings.ToLower(string(name))] = true
		}
		if !sip.Equal(u, u) && !twice {
			t.Errorf("%q differs from itself", text)
		}
		if bytes.ContainsAny(text, " \t\r\n<>\"\x00\x7f") {
			t.Errorf("%q would end before its end in a header field", text)
		}
		if u.IsTel() {
			return
		}
		if len(u.Host) == 0 || bytes.ContainsAny(u.Host, "@;?,/\\") || bytes.Count(text, []byte("@")) > 1 {
			t.Errorf("%q has the host %q", text, u.Host)
		}
	})
}

// FuzzNameAddr: what is read, written canonically, is read again alike.
func FuzzNameAddr(f *testing.F) {
	for _, s := range []string{`"A \"B\" \\" <sip:a@b;lr>;tag=1`, `Bob <sip:a@b>`, `sip:a@b;tag=x;y="z;w"`, `<sip:a@b?h=%3C>`, `"<>" <tel:1>;a`, `*`, `a, b <sip:c>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := sip.ParseNameAddr(text)
		if err != nil || bytes.ContainsAny(n.Display, "\x00\r\n\x01\x7f") || bytes.ContainsFunc(n.Display, func(r rune) bool { return r < ' ' && r != '\t' }) {
			return
		}
		b := append(sip.AppendQuoted(nil, string(n.Display)), " <"...)
		b = append(append(append(b, n.URI...), '>'), n.Params...)
		again, err := sip.ParseNameAddr(b)
		if err != nil || !bytes.Equal(again.Display, n.Display) || !bytes.Equal(again.URI, n.URI) || !bytes.Equal(again.Tag(), n.Tag()) {
			t.Errorf("%q is %q %q %q; as %q it is %q %q %q, %v", text, n.Display, n.URI, n.Params, b, again.Display, again.URI, again.Params, err)
		}
		for name := range n.Params.All() {
			if _, ok := n.Params.Get(string(name)); !ok {
				t.Errorf("%q is lost in %q", name, n.Params)
			}
		}
	})
}

// FuzzVia: a Via that is read is answered by one that has the same host, port
// and branch, and once each what RFC 3261 §18.2.1 and RFC 3581 §4 add.
func FuzzVia(f *testing.F) {
	for _, s := range []string{"SIP/2.0/UDP a:5060;branch=z9hG4bK1;rport", "SIP / 2.0 / TLS [2001:db8::1] : 5061 ;received=1.2.3.4;rport=5", `SIP/2.0/UDP h;x="a;b,c";rport;RPORT`, "SIP/2.0/UDP 192.0.2.1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := sip.ParseVia(text)
		if err != nil || bytes.ContainsAny(text, "\r\n\x00") {
			return
		}
		m := new(sip.Message)
		if m.Parse([]byte("OPTIONS sip:a SIP/2.0\r\nVia: "+string(text)+"\r\n\r\n")) != nil {
			return
		}
		resp, answer := sip.Response{Status: 200}, new(sip.Message)
		if err := answer.Parse(resp.Append(nil, m, source)); err != nil {
			t.Fatal(err)
		}
		got, err := answer.TopVia()
		if err != nil || !bytes.Equal(got.Host, v.Host) || !bytes.Equal(got.Port, v.Port) || !bytes.Equal(got.Branch(), v.Branch()) {
			t.Fatalf("%q is answered by %q, %v", text, answer.Value(sip.Via), err)
		}
		var rports, receiveds int
		for name := range got.Params.All() {
			switch strings.ToLower(string(name)) {
			case "rport":
				rports++
			case "received":
				receiveds++
			}
		}
		received, there := got.Params.Get("received")
		if _, asked := v.Params.Get("rport"); asked != (rports == 1) || rports > 1 || receiveds > 1 || there && string(received) != "192.0.2.1" || asked && !there {
			t.Errorf("%q is answered by %q", text, answer.Value(sip.Via))
		}
	})
}

// FuzzDialogBinary: what is read is stored again as what is read alike.
func FuzzDialogBinary(f *testing.F) {
	d := sip.Dialog{CallID: "c", LocalTag: "l", RemoteTag: "r", Local: "<sip:a@b>", Remote: "<sip:c@d>", Target: "sip:t", RemoteCSeq: 7, Routes: []string{"<sip:p;lr>", "<sip:q>"}}
	stored, _ := d.AppendBinary(nil)
	f.Add(stored)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d, again sip.Dialog
		if d.UnmarshalBinary(b) != nil {
			return
		}
		stored, _ := d.AppendBinary(nil)
		if err := again.UnmarshalBinary(stored); err != nil || !reflect.DeepEqual(d, again) {
			t.Errorf("%+v becomes %+v, %v", d, again, err)
		}
		d.Request(sip.NOTIFY, 1)
	})
}

// FuzzRequest: whatever stands in the fields of a request and of a response, each
// keeps its number of lines.
func FuzzRequest(f *testing.F) {
	f.Add("NOTIFY", "sip:a@b", "<sip:a@b>;tag=1", "x\r\nEvil: y", "Event: presence\r\n")
	f.Add("\r\n", "\r\n\r\n", "\n", "\r", "\r\n\r\n\r\n")
	f.Fuzz(func(t *testing.T, method, uri, from, id, lines string) {
		r := sip.Request{Method: sip.Method(method), URI: uri, From: from, To: from, CallID: id, Routes: []string{id}, ContentType: id, CSeq: 1}
		count := func(b []byte) int { return bytes.Count(b, []byte("\r\n")) }
		bare := func(b []byte) bool {
			return bytes.ContainsAny(bytes.ReplaceAll(b, []byte("\r\n"), nil), "\r\n\x00")
		}
		want := 10 // start line, Via, Route, Max-Forwards, From, To, Call-ID, CSeq, Content-Length, the empty line
		if id != "" {
			want++
		}
		sent := r.Append(nil, []byte(id))
		if count(sent) != want || bare(sent) {
			t.Errorf("%d lines, want %d in %q", count(sent), want, sent)
		}
		r.Header = []byte(lines)
		if sent = r.Append(nil, []byte(id)); bare(sent) || bytes.Index(sent, []byte("\r\n\r\n")) != len(sent)-4 {
			t.Errorf("the header fields end early in %q", sent)
		}
		resp := sip.Response{Status: 200, Reason: id, ToTag: uri, Header: []byte(lines), ContentType: from}
		if sent = resp.Append(nil, parse(t, publish), source); bare(sent) || bytes.Index(sent, []byte("\r\n\r\n")) != len(sent)-4 {
			t.Errorf("the header fields end early in %q", sent)
		}
	})
}
