package sip_test

import (
	"errors"
	"fmt"
	"testing"

	"lamplight/sip"
)

// field is a request with one more header field.
func field(t testing.TB, line string) *sip.Message {
	return parse(t, "OPTIONS sip:a SIP/2.0\n"+line+"\n\n")
}

func TestExpires(t *testing.T) {
	for value, want := range map[string]string{
		"0": "0 <nil>", "3600": "3600 <nil>", "0003600": "3600 <nil>", "4294967295": "4294967295 <nil>",
		// More than fits counts as much as fits: RFC 3261 §20.19 allows up to 2**32-1.
		"4294967296": "4294967295 <nil>", "99999999999999999999": "4294967295 <nil>",
		"": "!", "-1": "!", "+1": "!", "1.5": "!", "soon": "!", "1 2": "!", "000000000000000000000000000000000": "!",
	} {
		x, there, err := field(t, "Expires: "+value).Expires()
		if got := fmt.Sprint(x, " ", err); !there || want == "!" && status(err) != 400 || want != "!" && got != want {
			t.Errorf("%q: %s, %v; want %s", value, got, there, want)
		}
	}
	if _, there, err := field(t, "X: 1").Expires(); there || err != nil {
		t.Errorf("without: %v, %v", there, err)
	}
}

func TestCSeq(t *testing.T) {
	for value, want := range map[string]string{
		"1 NOTIFY": "1 NOTIFY", "0 X": "0 X", "0009\t INVITE": "9 INVITE", "2147483647 A": "2147483647 A",
		"2147483648 A": "!", "4294967297 A": "!", "1": "!", "A": "!", "1A": "!", "-1 A": "!", "1 A B": "!", "1 A(": "!", "1 ": "!",
	} {
		c, err := field(t, "CSeq: "+value).CSeq()
		if got := fmt.Sprint(c.Number, " ", c.Method); want == "!" && status(err) != 400 || want != "!" && (err != nil || got != want) {
			t.Errorf("%q: %s, %v; want %s", value, got, err, want)
		}
	}
}

// RFC 6665 §8.2.1.
func TestEvent(t *testing.T) {
	for value, want := range map[string]string{
		"presence": "presence", "presence.winfo": "presence.winfo", "dialog ; id = 7": "dialog/7", `dialog;sla;id="a b"`: "dialog/a b", "Presence": "Presence",
		"": "!", "a b": "!", ";id=1": "!", "a;id=1 2": "!", "a,b": "!", "a;;b": "!", `a;id="`: "!",
	} {
		e, err := field(t, "Event: "+value).Event()
		got := string(e.Package)
		if e.ID != nil {
			got += "/" + string(e.ID)
		}
		if want == "!" && status(err) != 400 || want != "!" && (err != nil || got != want) {
			t.Errorf("%q: %s, %v; want %s", value, got, err, want)
		}
	}
}

func TestMediaType(t *testing.T) {
	for value, want := range map[string]string{
		"application/pidf+xml": "application/pidf+xml ", "Application/PIDF+xml; charset=UTF-8": "application/pidf+xml UTF-8", "a / b;charset=\"x;y\"": "a/b x;y",
		"multipart/related;boundary=----=_Part;charset=z": "multipart/related z",
		"": "!", "a": "!", "/b": "!", "a/": "!", "a/b/c": "!", "a b/c": "!", "a/b;": "!", "a/b;c=\"": "!", "a/b, c/d": "!",
	} {
		mt, err := field(t, "Content-Type: "+value).MediaType()
		charset, _ := mt.Params.Get("charset")
		if got := string(mt.Type) + " " + string(charset); want == "!" && status(err) != 400 || want != "!" && (err != nil || got != want) {
			t.Errorf("%q: %s, %v; want %s", value, got, err, want)
		}
	}
}

func TestWhatIsMissing(t *testing.T) {
	m := field(t, "X: 1")
	_, from := m.From()
	_, to := m.To()
	_, cseq := m.CSeq()
	_, via := m.TopVia()
	_, event := m.Event()
	_, mt := m.MediaType()
	for name, err := range map[string]error{"From": from, "To": to, "CSeq": cseq, "Via": via, "Event": event, "Content-Type": mt} {
		if !errors.Is(err, sip.ErrMissing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, there, err := m.MaxForwards(); there || err != nil || m.CallID() != nil {
		t.Errorf("Max-Forwards %v %v, Call-ID %q", there, err, m.CallID())
	}
}
