package sip_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	witness "github.com/emiago/sipgo/sip"

	"lamplight/sip"
	"lamplight/sip/torture"
)

// seeds are messages to begin fuzzing with: samples and torture.
func seeds(f *testing.F) {
	for _, text := range samples {
		f.Add(crlf(text))
	}
	for _, c := range torture.Messages {
		f.Add(c.Bytes())
	}
}

// FuzzMessage: nothing panics; what is read can be read again alike, and what is
// answered makes a response with the same fields, of lines without control
// characters that were not there.
func FuzzMessage(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, sent []byte) {
		m, err := judge(bytes.Clone(sent))
		read(m)
		resp := sip.Response{Status: 400, ToTag: "t"}
		out := resp.Append(nil, m, source)
		if err != nil {
			return
		}
		again, err := judge(bytes.Clone(m.Bytes()))
		if err != nil || !bytes.Equal(again.Bytes(), m.Bytes()) || view(again) != view(m) {
			t.Fatalf("%v\n%s\nis read again as\n%s", err, view(m), view(again))
		}
		if !m.IsRequest() {
			return
		}
		answer, err := judge(out)
		if err != nil || answer.Status() != 400 || len(answer.Body()) != 0 {
			t.Fatalf("the response cannot be read: %v\n%q", err, out)
		}
		for _, h := range []sip.Header{sip.From, sip.CallID, sip.CSeq} {
			if !bytes.Equal(answer.Value(h), m.Value(h)) {
				t.Errorf("%s %q is answered by %q", h, m.Value(h), answer.Value(h))
			}
		}
		mine, _ := m.TopVia()
		theirs, _ := answer.TopVia()
		if !bytes.Equal(mine.Branch(), theirs.Branch()) || m.Count(sip.Via) != answer.Count(sip.Via) {
			t.Errorf("Via %q is answered by %q", m.Value(sip.Via), answer.Value(sip.Via))
		}
		if len(out) > len(sent)+200+len("ia: ")*m.Count(sip.Via) {
			t.Errorf("%d bytes are answered by %d", len(sent), len(out))
		}
	})
}

// view is what two parsers must agree on.
func view(m *sip.Message) string {
	var b strings.Builder
	c, _ := m.CSeq()
	from, _ := m.From()
	to, _ := m.To()
	via, _ := m.TopVia()
	if m.IsRequest() {
		u, _ := sip.ParseURI(m.RequestURI())
		fmt.Fprintf(&b, "%s %q %q %d\n", strings.ToUpper(string(m.Method())), u.User, u.Host, u.PortNumber())
	} else {
		fmt.Fprintf(&b, "%d %q\n", m.Status(), m.ReasonPhrase())
	}
	port := sip.URI{Port: via.Port}
	fmt.Fprintf(&b, "%q\n%d %s\nfrom %q\nto %q\nvia %s %q %d %q\n%q", m.CallID(), c.Number, c.Method, from.Tag(), to.Tag(),
		strings.ToUpper(string(via.Transport)), bytes.Trim(via.Host, "[]"), port.PortNumber(), via.Branch(), m.Body())
	return b.String()
}

// witnessed is the same by the witness, "" where it lacks what a message needs.
func witnessed(m witness.Message) string {
	if m.CSeq() == nil || m.CallID() == nil || m.Via() == nil || m.From() == nil || m.To() == nil {
		return ""
	}
	var b strings.Builder
	switch r := m.(type) {
	case *witness.Request:
		fmt.Fprintf(&b, "%s %q %q %d\n", r.Method, r.Recipient.User, r.Recipient.Host, r.Recipient.Port)
	case *witness.Response:
		fmt.Fprintf(&b, "%d %q\n", r.StatusCode, r.Reason)
	}
	from, to, v := param(m.From().Params, "tag"), param(m.To().Params, "tag"), m.Via()
	branch := param(v.Params, "branch")
	fmt.Fprintf(&b, "%q\n%d %s\nfrom %q\nto %q\nvia %s %q %d %q\n%q", m.CallID().Value(), m.CSeq().SeqNo, m.CSeq().MethodName, from, to,
		strings.ToUpper(v.Transport), strings.Trim(v.Host, "[]"), v.Port, branch, m.Body())
	return b.String()
}

// param is the first parameter of a name, which the witness seeks in one case.
func param(list witness.HeaderParams, name string) string {
	for _, p := range list {
		if strings.EqualFold(strings.TrimSpace(p.K), name) {
			return strings.TrimSpace(p.V)
		}
	}
	return ""
}

// known are the classes of messages that the two are known to read otherwise,
// and why ours is right.
var known = []struct {
	why string
	of  func(*sip.Message) bool
}{
	{"a quoted tag or branch: the witness keeps the quotes", func(m *sip.Message) bool {
		return bytes.ContainsAny(m.Value(sip.From), `"`) || bytes.ContainsAny(m.Value(sip.To), `"`) || bytes.ContainsAny(m.Value(sip.Via), `"`)
	}},
	{"a Via without parameters before another: the witness takes the comma into the host", func(m *sip.Message) bool {
		via, _ := m.TopVia()
		return len(via.Params) == 0 && bytes.IndexByte(m.Value(sip.Via), ',') >= 0
	}},
}

func classOf(m *sip.Message) string {
	for _, k := range known {
		if k.of(m) {
			return k.why
		}
	}
	return ""
}

// FuzzAgainstAWitness: where another stack's parser takes a message too, both
// must have read the same, but for the classes above.
func FuzzAgainstAWitness(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, sent []byte) {
		m, err := judge(bytes.Clone(sent))
		if err != nil {
			return
		}
		w, err := witness.ParseMessage(bytes.Clone(sent))
		if err != nil {
			return
		}
		if ours, theirs := view(m), witnessed(w); theirs != "" && ours != theirs && classOf(m) == "" {
			t.Errorf("%s\nthe witness:\n%s\nof\n%q", ours, theirs, sent)
		}
	})
}

// laxer are the torture messages that the witness takes and we refuse, and
// stricter the one it refuses.
var (
	laxer = []string{"§3.1.1.1: odd", "§3.1.2.1: separators too many in Contact", "§3.1.2.4: a Max-Forwards", "§3.1.2.11", "§3.1.2.13", "§3.1.2.15",
		"§3.1.2.16", "§3.1.2.17", "§3.1.2.18", "§3.3.1:", "§3.3.8", "§3.3.9"}
	stricter = []string{"§3.3.3"}
)

// Beyond the two tables both take and refuse the same.
func TestAcceptanceAgainstAWitness(t *testing.T) {
	for _, c := range torture.Messages {
		_, ours := judge(c.Bytes())
		_, theirs := witness.ParseMessage(c.Bytes())
		in := func(table []string) bool {
			return slices.ContainsFunc(table, func(s string) bool { return strings.Contains(c.Section, s) })
		}
		if (ours != nil && theirs == nil) != in(laxer) || (ours == nil && theirs != nil) != in(stricter) {
			t.Errorf("%s: ours %v, the witness's %v", c.Section, ours, theirs)
		}
	}
}

func BenchmarkWitness(b *testing.B) {
	for name, text := range samples {
		sent := crlf(text)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := witness.ParseMessage(sent); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
