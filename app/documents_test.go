package app_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/policy"
	"lamplight/sip"
)

// call is a document of one call, as a PBX publishes it.
func call(user, state string, attributes ...string) string {
	return `<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="` + aor(user) + `">` +
		`<dialog id="d1" ` + strings.Join(attributes, " ") + `><state>` + state + `</state>` +
		`<remote><identity display="Rita">sip:rita@elsewhere.test</identity><target uri="sip:rita@elsewhere.test"/></remote></dialog></dialog-info>`
}

var versionOf = regexp.MustCompile(`<(?:dialog-info|reginfo|watcherinfo)[^>]* version="(\d+)"`)

// follower checks that what one subscription is told goes on as it must: CSeq
// and version rise, by one unless the server was killed.
type follower struct {
	*dialog
	cseq    uint32
	version int
}

func follow(d *dialog) *follower { return &follower{dialog: d, version: -1} }

func (f *follower) next() *sip.Message {
	f.o.Helper()
	return f.follow(func(is, was int) bool { return is == was+1 })
}

// nextAfterCrash is the first one after the server was killed.
func (f *follower) nextAfterCrash() *sip.Message {
	f.o.Helper()
	return f.follow(func(is, was int) bool { return is > was })
}

func (f *follower) follow(right func(is, was int) bool) *sip.Message {
	f.o.Helper()
	m := f.dialog.next()
	c, _ := m.CSeq()
	if f.cseq != 0 && !right(int(c.Number), int(f.cseq)) {
		f.o.Errorf("CSeq %d after %d", c.Number, f.cseq)
	}
	f.cseq = c.Number
	if v := versionOf.FindSubmatch(m.Body()); v != nil {
		version, _ := strconv.Atoi(string(v[1]))
		if !right(version, f.version) {
			f.o.Errorf("version %d after %d", version, f.version)
		}
		f.version = version
	}
	return m
}

// has checks what stands in a document, and what must not ("-").
func (o *office) has(m *sip.Message, want ...string) {
	o.Helper()
	for _, w := range want {
		word, absent := strings.CutPrefix(w, "-")
		if bytes.Contains(m.Body(), []byte(word)) == absent {
			o.Errorf("want %s in\n%s", w, m.Body())
		}
	}
}

// [6665-5.3.2-1] A lamp: idle, ringing, in use, idle again, and over a crash.
func TestDialogLamp(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		bob := follow(o.handset("bob").subscribe("alice", "Event: dialog"))
		m := bob.next()
		o.expect(m, "NOTIFY", "Event: dialog", "Content-Type: application/dialog-info.xml", `Subscription-State: active;expires=\d+`)
		o.has(m, `version="0"`, `state="full"`, `entity="sip:alice@example.test"`, "-early", "-confirmed")

		tag := alice.publish("alice", "Event: dialog", call("alice", "early", `direction="recipient"`))
		o.has(bob.next(), "<state>early</state>", `direction="recipient"`, "-rita")
		tag = alice.publish("alice", "Event: dialog", "SIP-If-Match: "+tag, call("alice", "confirmed", `direction="recipient"`))
		o.has(bob.next(), "<state>confirmed</state>")
		o.crash()
		o.has(bob.nextAfterCrash(), "<state>confirmed</state>")
		tag = alice.publish("alice", "Event: dialog", "SIP-If-Match: "+tag, call("alice", "terminated", `direction="recipient"`))
		o.has(bob.next(), "<state>terminated</state>", "-confirmed")
		alice.publish("alice", "Event: dialog", "SIP-If-Match: "+tag, "Expires: 0")
		o.expect(bob.again("Expires: 0"), "200 OK")
		for m = bob.next(); !strings.HasPrefix(string(m.Value(sip.SubscriptionState)), "terminated"); m = bob.next() {
		}
		o.has(m, "-confirmed", "-early")
	})
}

// A lamp that is not published any more goes out by itself.
func TestDialogLampExpires(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := follow(o.handset("bob").subscribe("alice", "Event: dialog"))
		bob.next()
		o.handset("alice").publish("alice", "Event: dialog", "Expires: 11", call("alice", "confirmed"))
		o.has(bob.next(), "confirmed")
		began := time.Now()
		o.has(bob.next(), "-confirmed")
		if wait := time.Since(began); wait > 12*time.Second {
			t.Errorf("the lamp was lit for %v", wait)
		}
	})
}

// One call that is published twice is one dialog, and a half-dialog is replaced
// by its first branch. Who, and with which Call-ID, only the user himself sees.
func TestRule19OneCallIsOneDialog(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		own, other := follow(o.handset("alice").subscribe("alice", "Event: dialog")), follow(o.handset("bob").subscribe("alice", "Event: dialog"))
		own.next()
		other.next()
		dialogs := func(m *sip.Message, n int) {
			t.Helper()
			if got := bytes.Count(m.Body(), []byte("<dialog ")); got != n {
				t.Errorf("%d dialogs, want %d, in\n%s", got, n, m.Body())
			}
		}
		const half = `call-id="c1@pbx" local-tag="l1" direction="initiator"`
		alice.publish("alice", "Event: dialog", call("alice", "early", half))
		m := own.next()
		dialogs(m, 1)
		o.has(m, `call-id="c1@pbx"`, `local-tag="l1"`, "rita@elsewhere.test", "early")
		m = other.next()
		dialogs(m, 1)
		o.has(m, "-c1@pbx", "-l1", "-rita", "early")

		alice.publish("alice", "Event: dialog", call("alice", "confirmed", half+` remote-tag="r1"`))
		m = own.next()
		dialogs(m, 1)
		o.has(m, `remote-tag="r1"`, "confirmed", "-early")
		m = other.next()
		dialogs(m, 1)
		o.has(m, "-r1", "confirmed")
	})
}

// [3856-6.9-1] [3856-7.3-1] [3856-7.2-2] A user's devices, calls and bindings give one answer.
func TestPresenceOfSeveralSources(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		bob := follow(o.handset("bob").subscribe("alice", "Expires: 20000")) // longer than what is published
		o.shows(bob.next(), presence.Offline)
		register := func(expires string) {
			t.Helper()
			o.expect(alice.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: "+expires), "200 OK")
			o.advance(10 * time.Second)
		}
		register("600")
		o.shows(bob.next(), presence.Available)
		calls := alice.publish("alice", "Event: dialog", call("alice", "confirmed"))
		o.shows(bob.next(), presence.OnThePhone)
		soft := alice.publish("alice", state("alice", presence.Available))
		alice.publish("alice", "Event: dialog", "SIP-If-Match: "+calls, "Expires: 0")
		o.advance(10 * time.Second)
		last := func() (m *sip.Message) {
			t.Helper()
			for m = bob.next(); len(bob.requests) > 0; m = bob.next() {
			}
			return m
		}
		o.shows(last(), presence.Available)
		alice.publish("alice", "SIP-If-Match: "+soft, state("alice", presence.Away))
		o.shows(bob.next(), presence.Away)
		register("0")
		alice.publish("alice", "SIP-If-Match: "+string(alice.do("PUBLISH", aor("alice"), state("alice", presence.Away)).Value(sip.SIPETag)), "Expires: 0")
		o.advance(2 * time.Hour)
		o.shows(last(), presence.Offline)
	})
}

// Registrations (RFC 3680), for their owner alone.
func TestRegistrationInformation(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		phone := o.handset("alice")
		alice := follow(o.handset("alice").subscribe("alice", "Event: reg"))
		m := alice.next()
		o.expect(m, "NOTIFY", "Event: reg", "Content-Type: application/reginfo.xml")
		o.has(m, `version="0"`, `state="full"`, `aor="sip:alice@example.test"`, `state="init"`)
		register := func(expires string) {
			t.Helper()
			o.expect(phone.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: "+expires), "200 OK")
		}
		register("600")
		m = alice.next()
		o.has(m, `state="active"`, `event="registered"`, "<uri>"+phone.contact()+"</uri>")
		register("0")
		m = alice.next()
		o.has(m, `state="terminated"`, `event="unregistered"`, "-"+`event="registered"`)
		alice.silent(5 * time.Minute) // that it is forgotten is told to nobody (RFC 3680 §4.7.2)
		alice.again()
		o.has(alice.next(), `state="init"`, "-<contact ")
		register("60")
		alice.next()
		began := time.Now()
		o.has(alice.next(), `state="terminated"`, `event="expired"`)
		if lasted := time.Since(began); lasted < 59*time.Second || lasted > 61*time.Second {
			t.Errorf("the binding lasted %v", lasted)
		}
	})
}

// [3856-6.11.1-1] Watchers (RFC 3857), for the user alone.
func TestWatcherInformation(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := follow(o.handset("alice").subscribe("alice", "Event: presence.winfo"))
		m := alice.next()
		o.expect(m, "NOTIFY", "Event: presence.winfo", "Content-Type: application/watcherinfo.xml", `Subscription-State: active;expires=\d+`)
		o.has(m, `version="0"`, `state="full"`, `resource="sip:alice@example.test"`, `package="presence"`, "-<watcher ")
		bob := o.handset("bob").subscribe("alice")
		m = alice.next()
		o.has(m, "sip:bob@example.test", `status="active"`, `event="subscribe"`)
		o.expect(bob.again("Expires: 0"), "200 OK")
		o.has(alice.next(), "sip:bob@example.test", `status="terminated"`, `event="timeout"`)
		o.handset("carol").subscribe("alice", "Expires: 60")
		o.has(alice.next(), "sip:carol@example.test", `status="active"`)
		o.expect(o.handset("bob").do("SUBSCRIBE", aor("alice"), "Event: presence.winfo"), "403 ")
		silent := o.handset("carol").subscribe("alice", "Event: dialog") // another package's watchers
		silent.next()
		alice.silent(time.Second)
	})
}

// Who waits for an answer is in the list before it is given.
func TestWatcherInformationOfWhoWaits(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.server.UseRules("sip:alice@example.test", policy.Rules{{Domains: []string{"example.test"}, Handling: event.Confirm}})
		o.handset("bob").subscribe("alice")
		alice := follow(o.handset("alice").subscribe("alice", "Event: presence.winfo"))
		o.has(alice.next(), "sip:bob@example.test", `status="pending"`, `event="subscribe"`)
		o.server.UseRules("sip:alice@example.test", nil)
		o.has(alice.next(), "sip:bob@example.test", `status="active"`, `event="approved"`)
		o.server.UseRules("sip:alice@example.test", policy.Rules{})
		o.has(alice.next(), "sip:bob@example.test", `status="terminated"`, `event="rejected"`)
	})
}

// [3856-6.6.2-1] [3856-6.7-2] [6665-4.2.1.4-3] [6665-4.2.1.1-3] [6665-4.2.1.3-4] A rule that changes is obeyed at once, also by a refresh.
func TestARuleThatChanges(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		tag := alice.publish("alice", busy)
		bob, carol := follow(o.handset("bob").subscribe("alice")), follow(o.handset("carol").subscribe("alice"))
		o.shows(bob.next(), presence.Busy)
		o.shows(carol.next(), presence.Busy)
		o.server.UseRules("sip:alice@example.test", policy.Rules{
			{One: []event.AoR{"sip:carol@example.test"}, Handling: event.Allow, Rights: event.RightsAll},
			{One: []event.AoR{"sip:bob@example.test"}, Handling: event.PoliteBlock}})
		o.shows(bob.next(), presence.Offline)
		carol.silent(time.Second)
		o.expect(bob.again(), "200 OK")
		o.shows(bob.next(), presence.Offline)
		o.server.UseRules("sip:alice@example.test", policy.Rules{{One: []event.AoR{"sip:carol@example.test"}, Handling: event.Allow, Rights: event.RightsAll}})
		o.expect(bob.next(), "NOTIFY", "Subscription-State: terminated;reason=rejected", "Content-Type: -")
		alice.publish("alice", "SIP-If-Match: "+tag, state("alice", presence.Away))
		bob.silent(time.Minute)
		o.shows(carol.next(), presence.Away)
		o.expect(bob.again(), "481 ")
	})
}

// [3856-6.6.1-1] [3856-7.2-1] [6665-4.2.1.3-1] [6665-6.3-1] Nothing that shows or changes state goes without credentials.
func TestEverythingIsAuthenticated(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		d := h.subscribe("bob")
		d.next()
		for _, text := range []string{
			h.request("SUBSCRIBE", aor("bob")), h.request("SUBSCRIBE", aor("alice")), h.request("SUBSCRIBE", aor("bob"), "Expires: 0"),
			h.request("SUBSCRIBE", d.target, append([]string{"CSeq: 99 SUBSCRIBE", "Expires: 0"}, d.lines...)...),
			h.request("PUBLISH", aor("alice"), busy), h.request("PUBLISH", aor("alice"), "SIP-If-Match: x"),
			h.request("REGISTER", "sip:example.test", "To: <sip:alice@example.test>"),
			h.request("PUBLISH", aor("nobody"), busy),
		} {
			o.expect(h.exchange(text), "401 ", "WWW-Authenticate: Digest .*", "Proxy-Authenticate: -")
		}
		h.silent(time.Minute)
		o.expect(d.again(), "200 OK")
	})
}

// [3903-6-9] A publication is there after a crash, under the tag that was said.
func TestPublicationSurvives(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		var tags []string
		for i := range 5 {
			tags = append(tags, h.publish("alice", strings.Replace(busy, `id="t1"`, fmt.Sprintf(`id="t%d"`, i), 1)))
		}
		o.expect(h.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: 600"), "200 OK")
		bob := follow(o.handset("bob").subscribe("alice"))
		if doc := o.shows(bob.next(), presence.Busy); len(doc.Tuples) < 5 {
			t.Errorf("%d tuples", len(doc.Tuples))
		}
		for range 3 {
			o.crash()
			if doc := o.shows(bob.nextAfterCrash(), presence.Busy); len(doc.Tuples) < 5 {
				t.Errorf("%d tuples after a crash", len(doc.Tuples))
			}
			for i, tag := range tags {
				tags[i] = h.publish("alice", "SIP-If-Match: "+tag)
			}
			o.expect(h.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Contact: -"), "200 OK", "Contact: <"+h.contact()+">;expires=.*")
			o.expect(bob.again(), "200 OK")
			bob.next()
		}
	})
}
