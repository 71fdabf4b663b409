package sip_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lamplight/sip"
)

// crlf writes a message's lines as they are sent.
func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

func parse(t testing.TB, text string) *sip.Message {
	t.Helper()
	var m sip.Message
	if err := m.Parse(crlf(text)); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return &m
}

const publish = `PUBLISH sip:alice@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK-7;rport
Max-Forwards: 70
From: "Alice" <sip:alice@example.com>;tag=f1
To: <sip:alice@example.com>
Call-ID: one@192.0.2.1
CSeq: 7 PUBLISH
Event: presence;id=3
Expires: 3600
Content-Type: application/pidf+xml
Content-Length: 4

body`

// with replaces a part of publish.
func with(old, new string) string {
	if !strings.Contains(publish, old) {
		panic(old)
	}
	return strings.Replace(publish, old, new, 1)
}

// status is what a message deserves: 0 where nothing is wrong.
func status(err error) int {
	var s *sip.SyntaxError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s):
		return s.Status
	}
	return -1
}

// judge parses and validates, as a server does.
func judge(b []byte) (*sip.Message, error) {
	m := new(sip.Message)
	err := m.Parse(b)
	if err == nil {
		err = m.Validate()
	}
	return m, err
}

func TestARequestIsRead(t *testing.T) {
	m := parse(t, publish)
	from, _ := m.From()
	c, _ := m.CSeq()
	e, _ := m.Event()
	x, _, _ := m.Expires()
	mt, _ := m.MediaType()
	via, _ := m.TopVia()
	got := fmt.Sprintf("%s %s %q %s %s %d %s %s/%s %d %s %s %s", m.Method(), m.RequestURI(), from.Display, from.URI, from.Tag(),
		c.Number, c.Method, e.Package, e.ID, x, mt.Type, via.Branch(), m.Body())
	const want = `PUBLISH sip:alice@example.com "Alice" sip:alice@example.com f1 7 PUBLISH presence/3 3600 application/pidf+xml z9hG4bK-7 body`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAResponseIsRead(t *testing.T) {
	for line, want := range map[string]string{
		"SIP/2.0 200 OK":                "200 OK",
		"SIP/2.0 200 ":                  "200 ",
		"sip/2.0 404 Nicht da":          "404 Nicht da",
		"SIP/2.0 486 \u5fd9 busy \"!\"": "486 \u5fd9 busy \"!\"",
	} {
		m := parse(t, line+"\nCSeq: 1 NOTIFY\n\n")
		if got := fmt.Sprint(m.Status(), " ", string(m.ReasonPhrase())); got != want || m.IsRequest() || m.Method() != sip.NOTIFY {
			t.Errorf("%q: %q %v of %s", line, got, m.IsRequest(), m.Method())
		}
	}
	for _, line := range []string{"SIP/2.0 200", "SIP/2.0 20 OK", "SIP/2.0 700 OK", "SIP/2.0 099 OK", "SIP/2.0  200 OK",
		"SIP/3.0 200 OK", "SIP/2.0 2OO OK", "SIP/2.0 4294967301 OK", "SIP/2.0 -10 OK"} {
		var m sip.Message
		if err := m.Parse(crlf(line + "\n\n")); err == nil {
			t.Errorf("%q was read as %d", line, m.Status())
		}
	}
}

// RFC 3261 §7.3.3 and the RFCs that define more compact forms.
func TestCompactForms(t *testing.T) {
	for compact, h := range map[string]sip.Header{
		"b": sip.ReferredBy, "c": sip.ContentType, "e": sip.ContentEncoding, "f": sip.From, "i": sip.CallID, "k": sip.Supported,
		"l": sip.ContentLength, "m": sip.Contact, "o": sip.Event, "r": sip.ReferTo, "t": sip.To, "u": sip.AllowEvents,
		"v": sip.Via, "x": sip.SessionExpires,
	} {
		for _, name := range []string{compact, strings.ToUpper(compact), h.String(), strings.ToLower(h.String()), strings.ToUpper(h.String())} {
			if m := parse(t, "OPTIONS sip:a SIP/2.0\n"+name+": 0\n\n"); string(m.Value(h)) != "0" || m.Count(h) != 1 {
				t.Errorf("%s is not %s", name, h)
			}
		}
	}
	m := parse(t, "OPTIONS sip:a SIP/2.0\nz: 0\n\n")
	if string(m.Other("Z")) != "0" {
		t.Error("a header field of one unknown letter is lost")
	}
}

// RFC 3261 §7.3.1: white space round the colon, folding, fields of one name.
func TestHeaderFieldsAreRead(t *testing.T) {
	m := parse(t, "OPTIONS sip:a SIP/2.0\nSubject:lunch\nRoute : <sip:a;lr>\nSUPPORTED\t :\t path ,\n\t outbound\nRoute:  <sip:b>, \"x, \\\", y\" <sip:c,d>\n"+
		"Accept:\nContent-Length:\n 0\n\n")
	for got, want := range map[string]string{
		string(m.Other("subject")):                                        "lunch",
		join(m.Elements(sip.Route)):                                       `<sip:a;lr>|<sip:b>|"x, \", y" <sip:c,d>`,
		join(m.Elements(sip.Supported)):                                   "path|outbound",
		fmt.Sprint(m.Count(sip.Route)):                                    "2",
		fmt.Sprint(m.Has(sip.Accept)):                                     "true",
		join(m.Elements(sip.Accept)):                                      "",
		join(m.Fields(sip.Contact)):                                       "",
		string(m.Value(sip.ContentLength)):                                "0",
		strings.Join(strings.Fields(string(m.Value(sip.Supported))), " "): "path , outbound",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if m.Other("nothing") != nil || m.Value(sip.Contact) != nil {
		t.Error("what is not there has a value")
	}
}

func join(seq func(func([]byte) bool)) string {
	var list []string
	for b := range seq {
		list = append(list, string(b))
	}
	return strings.Join(list, "|")
}

// What others could read otherwise is refused, not repaired.
func TestWhatIsMalformed(t *testing.T) {
	const cseq = "CSeq: 7 PUBLISH\n"
	many := func(name string, n int) string { return strings.Repeat(name+": x\n", n) + cseq }
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"nothing wrong":            {publish, 0},
		"bare CR in a value":       {with(cseq, "Subject: a\rP-Asserted-Identity: <sip:admin@example.com>\n"+cseq), 400},
		"bare CR in the To":        {with("To: <", "To: \r<"), 400},
		"CR before CRLF":           {with(cseq, "Subject: a\r\n"+cseq), 400},
		"control in a value":       {with(cseq, "Subject: a\x01b\n"+cseq), 400},
		"DEL in a value":           {with(cseq, "Subject: a\x7f\n"+cseq), 400},
		"NUL, quoted as it may":    {with(`"Alice"`, "\"A\\\x00\""), 0},
		"CR, quoted as it may not": {with(`"Alice"`, "\"A\\\rX: y\""), 400},
		"NUL":                      {with(`"Alice"`, "\"A\x00\""), 400},
		"HTAB in a value":          {with(cseq, "Subject: a\tb\n"+cseq), 0},
		"control before the colon": {with(cseq, "P-Asserted-Identity\x01: <sip:a@b>\n"+cseq), 400},
		"VT before the colon":      {with(cseq, "To\x0b: <sip:x@y>;tag=1\n"+cseq), 400},
		"SP before the colon":      {with("To:", "To :"), 0},
		"HTAB before the colon":    {with("To:", "To\t\t:"), 0},
		"no name":                  {with(cseq, ": x\n"+cseq), 400},
		"no colon":                 {with(cseq, "nothing\n"+cseq), 400},
		"a name that is no token":  {with(cseq, "a(b): x\n"+cseq), 400},
		"folded start line":        {with("\nVia", "\n Via"), 400},
		"UTF-8 in a value":         {with(cseq, "Subject: \u5fd9\n"+cseq), 0},
		"two spaces":               {with("PUBLISH ", "PUBLISH  "), 400},
		"a tab":                    {with("PUBLISH ", "PUBLISH\t"), 400},
		"space in the URI":         {with("alice@example.com SIP", "alice @example.com SIP"), 400},
		"brackets":                 {with("sip:alice@example.com SIP", "<sip:alice@example.com> SIP"), 400},
		"space at the line's end":  {with("SIP/2.0\nV", "SIP/2.0 \nV"), 400},
		"no URI":                   {with(" sip:alice@example.com", ""), 400},
		"an empty URI":             {with("sip:alice@example.com SIP", " SIP"), 400},
		"no version":               {with(" SIP/2.0\nV", "\nV"), 400},
		"version in lower case":    {with("SIP/2.0\nV", "sip/2.0\nV"), 0},
		"SIP/7.0":                  {with("SIP/2.0\nV", "SIP/7.0\nV"), 505},
		"HTTP":                     {with("SIP/2.0\nV", "HTTP/1.1\nV"), 400},
		"method no token":          {with("PUBLISH sip", "PUB(LISH sip"), 400},
		"URI of 512":               {with("alice@example.com SIP", strings.Repeat("a", 496)+"@example.com SIP"), 0},
		"URI of 513":               {with("alice@example.com SIP", strings.Repeat("a", 497)+"@example.com SIP"), 414},
		"headers in the URI":       {with("alice@example.com SIP", "alice@example.com?Route=x SIP"), 400},
		"IPv6 without brackets":    {with("alice@example.com SIP", "2001:db8::10 SIP"), 400},
		"another scheme":           {with("sip:alice@example.com SIP", "nobody:x SIP"), 0}, // 416 is the server's
		"64 of a name":             {with(cseq, many("Accept", 64)), 0},
		"65 of a name":             {with(cseq, many("Accept", 65)), 400},
		"256 fields":               {with(cseq, many("Q", 246)), 0},
		"257 fields":               {with(cseq, many("Q", 247)), 400},
		"head of 16 KiB":           {with(cseq, "Q: "+strings.Repeat("x", 16<<10-len(crlf(publish))-1)+"\n"+cseq), 0},
		"head of 16 KiB + 1":       {with(cseq, "Q: "+strings.Repeat("x", 16<<10-len(crlf(publish)))+"\n"+cseq), 400},
		"two To":                   {with(cseq, "t: <sip:b@example.com>\n"+cseq), 400},
		"two From":                 {with(cseq, "f: <sip:b@example.com>;tag=2\n"+cseq), 400},
		"two Call-ID":              {with(cseq, "i: 2\n"+cseq), 400},
		"two CSeq":                 {with(cseq, cseq+cseq), 400},
		"two Max-Forwards":         {with(cseq, "Max-Forwards: 1\n"+cseq), 400},
		"two Content-Length":       {with(cseq, "l: 4\n"+cseq), 400},
		"two Content-Type":         {with(cseq, "c: a/b\n"+cseq), 400},
		"two Event":                {with(cseq, "o: dialog\n"+cseq), 400},
		"two Expires":              {with(cseq, "Expires: 1\n"+cseq), 400},
		"two SIP-If-Match":         {with(cseq, "SIP-If-Match: a\nSIP-If-Match: b\n"+cseq), 400},
		"no From":                  {with("From:", "X-From:"), 400},
		"no To":                    {with("To:", "X-To:"), 400},
		"no Call-ID":               {with("Call-ID:", "X-Call-ID:"), 400},
		"no CSeq":                  {with("CSeq:", "X-CSeq:"), 400},
		"no Via":                   {with("Via:", "X-Via:"), 400},
		"no Max-Forwards":          {with("Max-Forwards:", "X-Max-Forwards:"), 0},
		"Max-Forwards 0":           {with("Forwards: 70", "Forwards: 0"), 0},
		"Max-Forwards 256":         {with("Forwards: 70", "Forwards: 256"), 400},
		"Max-Forwards -1":          {with("Forwards: 70", "Forwards: -1"), 400},
		"From without tag":         {with(";tag=f1", ""), 400},
		"From without tag, of old": {strings.Replace(with(";tag=f1", ""), "z9hG4bK-7", "7", 1), 0},
		"tag of 128":               {with("tag=f1", "tag="+strings.Repeat("f", 128)), 0},
		"tag of 129":               {with("tag=f1", "tag="+strings.Repeat("f", 129)), 400},
		"display name of 256":      {with("Alice", strings.Repeat("A", 256)), 0},
		"display name of 257":      {with("Alice", strings.Repeat("A", 257)), 400},
		"Call-ID of 256":           {with("one@192.0.2.1", strings.Repeat("i", 256)), 0},
		"Call-ID of 257":           {with("one@192.0.2.1", strings.Repeat("i", 257)), 400},
		"Call-ID of two words":     {with("one@192.0.2.1", "a b"), 400},
		"a To of 513":              {with("To: <sip:alice", "To: <sip:"+strings.Repeat("a", 498)), 400},
		"CSeq of another method":   {with("7 PUBLISH", "7 SUBSCRIBE"), 400},
		"CSeq in lower case":       {with("7 PUBLISH", "7 publish"), 400},
		"CSeq 2**31-1":             {with("7 PUBLISH", "2147483647 PUBLISH"), 0},
		"CSeq 2**31":               {with("7 PUBLISH", "2147483648 PUBLISH"), 400},
		"CSeq 2**32+7":             {with("7 PUBLISH", "4294967303 PUBLISH"), 400},
		"CSeq with zeros, folded":  {with("7 PUBLISH", "0007\n\t PUBLISH"), 0},
		"CSeq without number":      {with("7 PUBLISH", "PUBLISH"), 400},
		"CSeq without method":      {with("7 PUBLISH", "7"), 400},
		"a Contact":                {with(cseq, "m: <sip:a@b>;q=0.1, sip:c@d;expires=5\n"+cseq), 0},
		"Contact *":                {with(cseq, "m: *\n"+cseq), 0},
		"Contact with semicolons":  {with(cseq, "m: \"Joe\" <sip:joe@example.org>;;;;\n"+cseq), 400},
		"Contact with headers":     {with(cseq, "m: sip:user@example.com?Route=%3Csip:sip.example.com%3E\n"+cseq), 400},
		"65 Contacts":              {with(cseq, "m: sip:a"+strings.Repeat(",sip:a", 64)+"\n"+cseq), 400},
		"64 Vias":                  {with("rport\n", "rport"+strings.Repeat(",SIP/2.0/UDP a", 63)+"\n"), 0},
		"65 Vias":                  {with("rport\n", "rport"+strings.Repeat(",SIP/2.0/UDP a", 64)+"\n"), 400},
		"Via with semicolons":      {with(";rport", ";;,;,,"), 400},
		"an empty Via in a list":   {with(";rport", ";rport,"), 400},
		"an empty Contact":         {with(cseq, "m: <sip:a>,,<sip:b>\n"+cseq), 400},
		"second Via broken":        {with(";rport", ", SIP/2.0"), 400},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := judge(crlf(c.text)); status(err) != c.want {
				t.Errorf("%v, want %d", err, c.want)
			}
		})
	}
}

func TestALineFeedEndsNoLine(t *testing.T) {
	sent := string(crlf(publish))
	for i := strings.Index(sent, "\r\n"); i < strings.Index(sent, "\r\n\r\n")+4; i++ {
		if sent[i] == '\r' {
			if _, err := judge([]byte(sent[:i] + sent[i+1:])); status(err) != 400 {
				t.Errorf("without the CR at %d: %v, want 400", i, err)
			}
		}
	}
	if _, err := judge([]byte(publish)); status(err) != 400 {
		t.Errorf("with none: %v, want 400", err)
	}
}

// RFC 3261 §18.3: a datagram may hold more than the body, but not less.
func TestContentLength(t *testing.T) {
	for value, want := range map[string]string{
		"4": "body", "3": "bod", "0": "", "0000000004": "body", "4 ": "body",
		"5": "!", "00000000004": "!", "-1": "!", "+4": "!", "4,4": "!", "0x4": "!", "": "!", "4294967300": "!", "18446744073709551620": "!", "4.0": "!",
	} {
		m := new(sip.Message)
		if err := m.Parse(crlf(with("Content-Length: 4", "Content-Length: "+value))); want == "!" {
			if status(err) != 400 {
				t.Errorf("%q: %v, want 400", value, err)
			}
		} else if err != nil || string(m.Body()) != want {
			t.Errorf("%q: %q, %v; want %q", value, m.Body(), err, want)
		}
	}
	if m := parse(t, with("Content-Length: 4\n", "")); string(m.Body()) != "body" {
		t.Errorf("without Content-Length the body is %q", m.Body())
	}
}

// After an error, what a response repeats is there, and holds no line ends.
func TestABrokenRequestCanBeAnswered(t *testing.T) {
	for name, text := range map[string]string{
		"version":             with("SIP/2.0\nV", "SIP/7.0\nV"),
		"URI":                 with("alice@example.com SIP", strings.Repeat("a", 600)+" SIP"),
		"control in between":  with("Max-", "A\x01: b\nMax-"),
		"CR in between":       with("Max-", "A: b\rc\nMax-"),
		"no colon in between": with("Max-", "x\nMax-"),
		"too many":            with("Max-", strings.Repeat("Accept: x\n", 65)+"Max-"),
		"two bodies":          with("Max-", "l: 3\nMax-"),
		"too long":            with("Event:", "Q: "+strings.Repeat("x", 20000)+"\nEvent:"),
	} {
		var m sip.Message
		if err := m.Parse(crlf(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
		for _, h := range []sip.Header{sip.Via, sip.From, sip.To, sip.CallID, sip.CSeq} {
			if !m.Has(h) || strings.ContainsAny(string(m.Value(h)), "\r\n") || !m.IsRequest() {
				t.Errorf("%s: %s is %q", name, h, m.Value(h))
			}
		}
	}
	var m sip.Message
	if err := m.Parse(crlf(with("<sip:alice@example.com>\nCall", "<sip:alice@example.com>\rX: y\nCall"))); err == nil || m.Has(sip.To) {
		t.Errorf("%v, To %q: what holds a CR must not be copied", err, m.Value(sip.To))
	}
}

func TestAMessageIsUsedAgain(t *testing.T) {
	var m sip.Message
	for range 2 {
		if err := m.Parse(crlf(publish)); err != nil {
			t.Fatal(err)
		}
		if err := m.Parse(crlf("SIP/2.0 200 OK\nCSeq: 1 X\n\n")); err != nil || m.IsRequest() || m.Has(sip.Via) || m.RequestURI() != nil {
			t.Errorf("%v, method %q, Via %q: the last message shows through", err, m.Method(), m.Value(sip.Via))
		}
		if err := m.Parse(nil); err == nil || m.Status() != 0 || m.Has(sip.CSeq) {
			t.Error("nothing was read as a message")
		}
	}
}

// read takes of a message what a server usually takes.
func read(m *sip.Message) int {
	from, _ := m.From()
	to, _ := m.To()
	uri, _ := from.ParseURI()
	c, _ := m.CSeq()
	via, _ := m.TopVia()
	e, _ := m.Event()
	x, _, _ := m.Expires()
	mt, _ := m.MediaType()
	n := len(from.Tag()) + len(to.Tag()) + len(uri.Host) + int(c.Number) + len(via.Branch()) + len(e.Package) + int(x) + len(mt.Type)
	for a := range m.Elements(sip.Accept) {
		n += len(a)
	}
	for r := range m.Elements(sip.RecordRoute) {
		n += len(r)
	}
	return n
}

func TestReadingAllocatesNothing(t *testing.T) {
	for name, text := range samples {
		var m sip.Message
		b := crlf(text)
		scratch := slices.Clone(b)
		got := testing.AllocsPerRun(100, func() {
			copy(scratch, b)
			if err := m.Parse(scratch); err != nil {
				t.Fatal(err)
			}
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			read(&m)
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// samples are requests and a response as phones send them.
var samples = map[string]string{
	"REGISTER": `REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1829718279;rport
Route: <sip:proxy.example.com;lr>
From: "Alice Smith" <sip:1001@example.com>;tag=1829710198
To: "Alice Smith" <sip:1001@example.com>
Call-ID: 0_1829710198@192.0.2.10
CSeq: 2 REGISTER
Contact: <sip:1001@192.0.2.10:5060;ob;line=x1>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-001122334455>";reg-id=1;q=0.7
Authorization: Digest username="1001", realm="example.com", nonce="Xb5O1GW+Tbh2LdNEkHhCvA", uri="sip:example.com", response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", algorithm=SHA-256, cnonce="0a4f113b", opaque="", qop=auth, nc=00000001
Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE
Max-Forwards: 70
User-Agent: Example Phone 1.2.3
Expires: 3600
Supported: path, outbound
Allow-Events: talk,hold,conference,refer,check-sync
Content-Length: 0

`,
	"PUBLISH": with("body", "body"),
	"SUBSCRIBE": `SUBSCRIBE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:5060;branch=z9hG4bK776asdhds;rport, SIP/2.0/TCP a.example.com
f: sip:alice@example.com;tag=1928301774
t: sip:bob@example.com
i: a84b4c76e66710@pc33.example.com
CSeq: 314159 SUBSCRIBE
m: <sip:alice@[2001:db8::9:1]:5060;transport=udp>
o: presence
Record-Route: <sip:p1.example.com;lr>,
 <sip:p2.example.com;lr>
Accept: application/pidf+xml, application/cpim-pidf+xml;q=0.5
Expires: 600
l: 0

`,
	"200": "SIP/2.0 200 OK\n" + publish[strings.Index(publish, "Via"):],
}

func BenchmarkParse(b *testing.B) {
	for name, text := range samples {
		sent := crlf(text)
		b.Run(name, func(b *testing.B) {
			var m sip.Message
			scratch := slices.Clone(sent)
			b.SetBytes(int64(len(sent)))
			b.ReportAllocs()
			for b.Loop() {
				copy(scratch, sent)
				if err := m.Parse(scratch); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/read", func(b *testing.B) {
			var m sip.Message
			scratch := slices.Clone(sent)
			b.ReportAllocs()
			for b.Loop() {
				copy(scratch, sent)
				_ = m.Parse(scratch)
				read(&m)
			}
		})
	}
}

func TestIdentifiersDiffer(t *testing.T) {
	a, b := sip.NewTag(), sip.NewCallID()
	if len(a) != 32 || len(b) != 32 || a == b || a == sip.NewTag() {
		t.Errorf("%q and %q", a, b)
	}
}
