package app_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/pidf"
	"lamplight/event/presence"
	"lamplight/sip"
)

// number is the value of a header field that is one.
func (o *office) number(m *sip.Message, name string) int {
	o.Helper()
	n, err := strconv.Atoi(strings.Join(values(m, name), ","))
	if err != nil {
		o.Fatalf("%s is no number in\n%s", name, m.Bytes())
	}
	return n
}

// between checks the value of a header field that is a number.
func (o *office) between(m *sip.Message, name string, least, most int) {
	o.Helper()
	if n := o.number(m, name); n < least || n > most {
		o.Errorf("%s: %d, want %d to %d, in\n%s", name, n, least, most, m.Bytes())
	}
}

// shows checks which state a NOTIFY of presence shows.
func (o *office) shows(m *sip.Message, want presence.State) *pidf.Presence {
	o.Helper()
	doc, err := pidf.Parse(m.Body())
	if err != nil {
		o.Fatalf("%v in\n%s", err, m.Bytes())
	}
	if got, _, _ := presence.StateOf(doc); got != want {
		o.Errorf("%v, want %v, in\n%s", got, want, m.Bytes())
	}
	return doc
}

// [3903-6-1] [3903-6-2] [3903-6-3] [3903-6-24] [3903-6-25] [3903-11.1.1-4] [3903-12-1] [3903-4.2-1] [3903-6-12]
func TestPublishIsAnsweredWithATagAndALifetime(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		m := o.handset("alice").do("PUBLISH", aor("alice"), busy, "Expires: 3600",
			"Record-Route: <sip:198.51.100.200;lr>", "Contact: <sip:elsewhere.test>")
		o.expect(m, "200 OK", "Contact: -", "Record-Route: -", "Event: -", "Content-Length: 0", "To: <sip:alice@example.test>;tag=.+",
			`SIP-ETag: [A-Za-z0-9.!%*_+'~-]+`, `Via: SIP/2.0/UDP 203.0.113.1:5060;branch=\S+;rport=5060;received=203.0.113.1`)
		o.between(m, "Expires", 3600*4/5, 3600)
	})
}

// [3903-6-13] [3903-6-14] [3903-6-15]
func TestPublishLifetimes(t *testing.T) {
	for _, c := range []struct {
		asked       string
		least, most int
	}{
		{"Expires: 5", 5, 5}, {"Expires: 6", 5, 6}, {"Expires: 60", 48, 60}, {"Expires: -", 2880, 3600}, {"Expires: 4294967295", 3600, 86400},
	} {
		inOffice(t, nil, func(o *office) {
			m := o.handset("alice").do("PUBLISH", aor("alice"), busy, c.asked)
			o.expect(m, "200 OK")
			o.between(m, "Expires", c.least, c.most)
		})
	}
}

// [3903-4.3-1] [3903-4.4-1] [3903-4.5-1] [3903-6-26] [3903-4.1-1] [3903-6-20] [3903-10.4-1]
func TestOnePublicationFromBeginningToEnd(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		desk, mobile := o.handset("alice"), o.handset("alice")
		watcher := o.handset("bob").subscribe("alice")
		o.shows(watcher.next(), presence.Offline)

		first := desk.publish("alice", busy, "Expires: 60")
		o.shows(watcher.next(), presence.Busy)
		o.advance(40 * time.Second)
		second := mobile.publish("alice", "SIP-If-Match: "+first, "Expires: 60") // from elsewhere, in another call
		watcher.silent(30 * time.Second)                                         // past the first lifetime, and nothing is new
		o.expect(desk.do("PUBLISH", aor("alice"), "SIP-If-Match: "+first), "412 ")

		away := strings.Replace(state("alice", presence.Away), "t1", "t2", 1)
		third := desk.publish("alice", "SIP-If-Match: "+second, away, "Expires: 60")
		if doc := o.shows(watcher.next(), presence.Away); len(doc.Tuples) != 1 || doc.Tuples[0].ID != "t2" {
			o.Errorf("tuples %v, want t2 alone", doc.Tuples)
		}
		o.expect(desk.do("PUBLISH", aor("alice"), "SIP-If-Match: "+second), "412 ")

		m := desk.do("PUBLISH", aor("alice"), "SIP-If-Match: "+third, "Expires: 0")
		o.expect(m, "200 OK", "Expires: 0", "SIP-ETag: .+")
		o.shows(watcher.next(), presence.Offline)
		o.expect(desk.do("PUBLISH", aor("alice"), "SIP-If-Match: "+third), "412 ")
		o.expect(desk.do("PUBLISH", aor("alice"), "SIP-If-Match: "+string(m.Value(sip.SIPETag))), "412 ")
	})
}

// [3903-4.2-2] A publication ends when its lifetime is over, to the second.
func TestPublicationExpires(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		watcher := o.handset("bob").subscribe("alice")
		watcher.next()
		m := alice.do("PUBLISH", aor("alice"), busy, "Expires: 60")
		began, lifetime := time.Now(), time.Duration(o.number(m, "Expires"))*time.Second
		o.shows(watcher.next(), presence.Busy)
		o.shows(watcher.next(), presence.Offline)
		if lasted := time.Since(began); lasted < lifetime-time.Second || lasted > lifetime+time.Second {
			o.Errorf("the publication lasted %v, want %v", lasted, lifetime)
		}
		o.expect(alice.do("PUBLISH", aor("alice"), "SIP-If-Match: "+string(m.Value(sip.SIPETag))), "412 ")
	})
}

// [3903-4.2-3] [3903-6-27] [3903-6-28] Two devices: what one takes back leaves the other's.
func TestTwoDevicesOfOneUser(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		desk, mobile := o.handset("alice"), o.handset("alice")
		watcher := o.handset("bob").subscribe("alice")
		o.shows(watcher.next(), presence.Offline)
		free := desk.publish("alice", state("alice", presence.Available))
		o.shows(watcher.next(), presence.Available)
		call := mobile.publish("alice", state("alice", presence.OnThePhone))
		if doc := o.shows(watcher.next(), presence.OnThePhone); len(doc.Tuples) != 2 || doc.Tuples[0].ID == doc.Tuples[1].ID {
			o.Errorf("tuples %v, want two", doc.Tuples)
		}
		mobile.publish("alice", "SIP-If-Match: "+call, "Expires: 0")
		o.shows(watcher.next(), presence.Available)
		seen := map[string]bool{}
		for tag := free; !seen[tag] && len(seen) < 50; tag = desk.publish("alice", "SIP-If-Match: "+tag) {
			seen[tag] = true
		}
		if len(seen) != 50 {
			o.Errorf("a tag came again after %d", len(seen))
		}
	})
}

// [3903-6-21] A lifetime of zero without a tag is answered and stores nothing.
func TestPublishOfNoLifetime(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		watcher := o.handset("bob").subscribe("alice")
		watcher.next()
		before := o.journal.Len()
		m := alice.do("PUBLISH", aor("alice"), busy, "Expires: 0")
		o.expect(m, "200 OK", "Expires: 0", "SIP-ETag: .+")
		watcher.silent(time.Minute)
		if o.journal.Len() != before {
			o.Errorf("%d records, %d before", o.journal.Len(), before)
		}
	})
}

// [3903-6-5] [3903-6-22] [3903-6-23] A commit that fails: nobody hears of what was refused.
func TestPublishThatIsNotStoredHasNotHappened(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		watcher := o.handset("bob").subscribe("alice")
		watcher.next()
		tag := alice.publish("alice", busy)
		o.shows(watcher.next(), presence.Busy)
		o.journal.Fail(func(int) (bool, bool) { return true, false })
		o.expect(alice.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag, state("alice", presence.Away)), "503 ", `Retry-After: \d+`)
		o.journal.Fail(nil)
		o.advance(time.Minute)
		for len(watcher.requests) > 0 { // told again after the state was read back, but nothing else
			o.shows(watcher.next(), presence.Busy)
		}
		alice.publish("alice", "SIP-If-Match: "+tag, state("alice", presence.Away))
		o.shows(watcher.next(), presence.Away)
	})
}

// [3903-6-4] What comes in a row is answered in that order, and the last holds.
func TestPublishInARow(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		watcher := o.handset("bob").subscribe("alice")
		watcher.next()
		tag := alice.publish("alice", busy)
		for i := range 5 {
			s := []presence.State{presence.Away, presence.Meeting, presence.Available, presence.Busy, presence.OnThePhone}[i]
			tag = alice.publish("alice", "SIP-If-Match: "+tag, state("alice", s))
		}
		o.advance(time.Minute)
		var last *sip.Message
		for len(watcher.requests) > 0 {
			last = watcher.next()
		}
		o.shows(last, presence.OnThePhone)
	})
}

// [3903-7-1] [3903-7-2] [6665-4.4.4-1] [6665-4.4.4-2]
func TestOptions(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		for _, uri := range []string{"sip:example.test", aor("bob"), "sip:" + at} {
			o.expect(h.exchange(h.request("OPTIONS", uri, "User-Agent: a phone 1.0, and what its maker adds to that", "Contact: <"+h.contact()+">", "Accept: application/sdp, application/pidf+xml")), "200 OK", "Allow: OPTIONS, ?SUBSCRIBE, ?PUBLISH, ?REGISTER",
				"Allow-Events: presence, ?dialog, ?reg, ?presence.winfo.*", "Accept: application/pidf.xml, ?.*application/dialog-info.xml.*", "Supported: path, ?outbound")
		}
	})
}

// [3903-4-1] A trusted peer, a PBX say, publishes for its domain.
func TestPublishByATrustedPeer(t *testing.T) {
	byAddress := func(o *app.Options) { o.Trust = []string{"203.0.113.0/30"} }
	byName := func(o *app.Options) { o.Trust = []string{"pbx"} }
	for name, change := range map[string]func(*app.Options){"by its address": byAddress, "by its name": byName} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, change, func(o *office) {
				pbx := o.handset("pbx")
				tag := pbx.publish("alice", busy, "Expires: 2", "From: <sip:pbx@example.test>;tag=p")
				pbx.publish("alice", busy, "Expires: 600", "SIP-If-Match: "+tag)
				for range 20 {
					pbx.publish("alice", busy)
				}
				if name == "by its name" {
					o.expect(pbx.do("PUBLISH", aor("dave@other.test"), state("dave@other.test", presence.Busy)), "403 ")
				}
			})
		})
	}
}

// [3903-14.1-1] [3903-14.1-3] [3903-14.3-1] [6665-6.3-1] [6665-6.4-1] [3856-9.4-3] [3856-9.2-1] [3856-6.6.1-2]
func TestPublishByDigest(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		line := alice.authorization("PUBLISH", aor("alice"))
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), busy, line)), "200 OK")
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), busy, line)), "401 ", "WWW-Authenticate: .*stale=true.*")
		other := alice.authorization("SUBSCRIBE", aor("alice"))
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), busy, other)), "401 ")
		wrong := regexp.MustCompile(`response="."`).ReplaceAllString(alice.authorization("PUBLISH", aor("alice")), `response="0"`)
		wrong = strings.Replace(wrong, `response="`, `response="f`, 1)
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), busy, wrong)), "401 ")
		nobody := strings.Replace(alice.authorization("PUBLISH", aor("alice")), `username="alice"`, `username="nobody"`, 1)
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), busy, nobody)), "401 ")
		for _, username := range []string{"alice@example.test", "1002"} {
			h := o.handset("alice")
			h.challenge()
			h.authorization("PUBLISH", aor("alice"))
			own := strings.TrimSpace(h.nonce.Answer("PUBLISH", aor("alice"), username, "secret"))
			o.expect(h.exchange(h.request("PUBLISH", aor("alice"), busy, own)), "200 OK")
		}
	})
}

// A retransmitted request is answered as it was, and done once.
func TestPublishTwice(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		text := alice.request("PUBLISH", aor("alice"), busy, alice.authorization("PUBLISH", aor("alice")))
		first := alice.exchange(text)
		for _, after := range []time.Duration{0, 500 * time.Millisecond, 30 * time.Second} {
			o.advance(after)
			if again := alice.exchange(text); string(again.Bytes()) != string(first.Bytes()) {
				o.Errorf("after %v\n%s\nwas\n%s", after, again.Bytes(), first.Bytes())
			}
		}
	})
}

// Compact forms, other cases, white space and folded lines say the same.
func TestPublishAsWritten(t *testing.T) {
	for i, change := range []func(string) string{
		func(s string) string {
			for long, short := range map[string]string{"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Event": "o", "Content-Type": "c", "Content-Length": "l"} {
				s = strings.Replace(s, "\r\n"+long+":", "\r\n"+short+":", 1)
			}
			return s
		},
		func(s string) string {
			head, body, _ := strings.Cut(s, "\r\n\r\n")
			start, rest, _ := strings.Cut(head, "\r\n")
			for _, name := range []string{"Via", "From", "To", "Call-ID", "Event", "CSeq", "Content-Type", "Content-Length", "Expires"} {
				rest = strings.Replace(rest, name+": ", strings.ToUpper(name)+" \t:   ", 1)
			}
			return start + "\r\n" + rest + "\r\n\r\n" + body
		},
		func(s string) string { return strings.Replace(s, "Event: presence", "Event:\r\n presence", 1) },
		func(s string) string {
			return strings.Replace(s, "From: <", "From: \"Alice, Kim; \\\"x\\\"\"\r\n\t<", 1)
		},
		func(s string) string {
			return strings.Replace(s, "application/pidf+xml", "Application/PIDF+xml;charset=\"UTF-8\"", 1)
		},
		func(s string) string { return strings.Replace(s, "SIP/2.0/UDP", "SIP / 2.0 / udp", 1) },
		func(s string) string {
			return strings.Replace(s, "PUBLISH sip:alice@example.test", "PUBLISH sip:alice@EXAMPLE.test:5060;transport=udp", 1)
		},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			inOffice(t, nil, func(o *office) {
				h := o.handset("alice")
				text := h.request("PUBLISH", aor("alice"), busy, "Expires: 600", h.authorization("PUBLISH", aor("alice")))
				m := h.exchange(change(text))
				o.expect(m, "200 OK", "SIP-ETag: .+")
				o.between(m, "Expires", 480, 600)
			})
		})
	}
}
