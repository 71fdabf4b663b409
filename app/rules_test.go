package app_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/policy"
	"lamplight/sip"
	"lamplight/sip/digest"
)

// [3856-6.6.1-3] [6665-4.2.1.3-2] [6665-6.1-1] Who is of another domain is refused,
// and not asked for credentials that he cannot have.
func TestRule01StrangersAreRefusedWithoutChallenge(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Trust = []string{"198.51.100.0/24"} }, func(o *office) {
		eve := o.handset("eve@elsewhere.test")
		o.expect(eve.exchange(eve.request("SUBSCRIBE", aor("alice"))), "403 ", "WWW-Authenticate: -")
		claims := eve.request("SUBSCRIBE", aor("alice"), "P-Asserted-Identity: <sip:bob@example.test>")
		o.expect(eve.exchange(claims), "403 ", "WWW-Authenticate: -")
		o.expect(o.handset("dave@other.test").do("SUBSCRIBE", aor("alice")), "403 ", "WWW-Authenticate: -")
		o.handset("frida@friend.test").subscribe("alice") // whom the domain lists

		peer := o.handsetAt("eve", "elsewhere.test", netip.MustParseAddrPort("198.51.100.9:5060"))
		o.expect(peer.exchange(peer.request("SUBSCRIBE", aor("alice"))), "403 ", "WWW-Authenticate: -")
		asserted := peer.request("SUBSCRIBE", aor("alice"), "P-Asserted-Identity: \"Bob\" <sip:bob@example.test>")
		o.expect(peer.exchange(asserted), "200 ")
		o.expect(peer.exchange(peer.request("SUBSCRIBE", aor("alice"), "From: <sip:bob@example.test>;tag=x")), "200 ")
	})
}

func TestRule02AddressesStandForTheFirstDomain(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.AliasDomain = []string{"pbx.example.test"} }, func(o *office) {
		for _, host := range []string{"192.0.2.1", "pbx.example.test", "EXAMPLE.test"} {
			h := o.handset("alice")
			uri := "sip:alice@" + host
			from := "From: <" + uri + ">;tag=f"
			o.expect(h.do("REGISTER", "sip:"+host, from, "To: <"+uri+">"), "200 OK", "Contact: <.+")
			tag := h.do("PUBLISH", uri, from, strings.ReplaceAll(busy, aor("alice"), uri))
			o.expect(tag, "200 OK")
			d := h.do("SUBSCRIBE", "sip:bob@"+host, from)
			o.expect(d, "200 OK")
			h.next()
		}
		phone := o.handset("alice") // one that writes its own address
		o.expect(phone.do("PUBLISH", aor("alice"), "From: <sip:alice@203.0.113.4>;tag=f", busy), "200 OK")
	})
}

// The realm stays the domain's, whichever way the user was named.
func TestRule03OneRealmAndSeveralNames(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for _, username := range []string{"alice", "alice@example.test", "1002"} {
			h := o.handset("alice")
			m := h.exchange(h.request("PUBLISH", aor("1002"), busy))
			o.expect(m, "401 ", `WWW-Authenticate: Digest realm="example.test".*`)
			h.authorization("PUBLISH", aor("1002"))
			line := strings.TrimSpace(h.nonce.Answer("PUBLISH", aor("1002"), username, "secret"))
			o.expect(h.exchange(h.request("PUBLISH", aor("1002"), busy, line)), "200 OK")
		}
		dave := o.handset("dave@other.test")
		o.expect(dave.exchange(dave.request("PUBLISH", aor("dave@other.test"), busy)), "401 ", `WWW-Authenticate: Digest realm="other.test".*`)
	})
}

// All the numbers of a user are the user; the document is about the URI that
// was watched.
func TestRule04NumbersAreTheirUsers(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.handset("alice").publish("alice", busy)
		for _, uri := range []string{"sip:1002@example.test", "sip:+498912341002@example.test;user=phone", "sip:08912341002@example.test",
			"sip:0089-1234-1002@example.test", "tel:+49-89-1234-1002", "sip:12341002@example.test", "sip:+49%20(89)%201234-1002@example.test"} {
			bob := o.handset("bob")
			m := bob.do("SUBSCRIBE", uri)
			if uri == "sip:0089-1234-1002@example.test" { // 00 89 is another country
				o.expect(m, "404 ")
				continue
			}
			o.expect(m, "200 OK")
			entity, _, _ := strings.Cut(uri, ";")
			if doc := o.shows(bob.next(), presence.Busy); doc.Entity != entity {
				t.Errorf("entity %s, want %s", doc.Entity, entity)
			}
		}
		o.server.UseRules("sip:alice@example.test", policy.Rules{{One: []event.AoR{"sip:alice@example.test"}, Handling: event.Allow, Rights: event.RightsAll}})
		o.expect(o.handset("bob").do("SUBSCRIBE", aor("1002")), "403 ")
		o.expect(o.handset("alice").do("SUBSCRIBE", aor("1002"), "From: <sip:1002@example.test>;tag=f"), "200 OK")
	})
}

func TestRule05TheAdvertisedAddressIsTold(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Advertise = []string{"udp:198.51.100.200:5070"} }, func(o *office) {
		d := o.handset("bob").subscribe("alice")
		o.expect(d.first, "200 OK", "Contact: <sip:198.51.100.200:5070>")
		o.expect(d.next(), "NOTIFY", "Contact: <sip:198.51.100.200:5070>", "Via: SIP/2.0/UDP 198.51.100.200:5070;.+")
	})
}

// [3903-14.2-1] [3856-9.6-1] Requests have a rate, by source and by user.
func TestRule10Rates(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		eve, alice := o.handset("alice"), o.handset("alice")
		flood := func(h *handset, f func() *sip.Message) (admitted int) {
			for range 400 {
				if m := f(); m.Status() == 500 {
					o.expect(m, "500 Too Many Requests", `Retry-After: \d+`)
					return admitted
				}
				admitted++
			}
			return admitted
		}
		challenged := func() *sip.Message { return eve.exchange(eve.request("PUBLISH", aor("alice"), busy)) }
		if n := flood(eve, challenged); n != 200 {
			t.Errorf("%d challenges at once, want 200", n)
		}
		o.advance(time.Second)
		if n := flood(eve, challenged); n != 10 {
			t.Errorf("%d challenges a second later, want 10", n)
		}
		tag := alice.publish("alice", busy) // another source
		if n := flood(alice, func() *sip.Message {
			m := alice.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag)
			tag = string(m.Value(sip.SIPETag))
			return m
		}); n < 190 || n > 210 {
			t.Errorf("%d requests of a user at once, want 200", n)
		}
		o.advance(time.Minute)
		if n := flood(alice, func() *sip.Message { return alice.exchange(alice.request("OPTIONS", aor("bob"))) }); n != 400 {
			t.Errorf("%d OPTIONS from a source that has authenticated", n)
		}
	})
}

// A stranger learns nothing of who there is; who may ask is told.
func TestRule01StrangersDoNotLearnNames(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for watcher, want := range map[string]string{"dave@other.test": "403 ", "frida@friend.test": "404 ", "bob": "404 "} {
			o.expect(o.handset(watcher).do("SUBSCRIBE", aor("nobody")), want)
		}
		o.expect(o.handset("dave@other.test").do("SUBSCRIBE", aor("alice")), "403 ")
	})
}

// leavers are the staff without those who left.
type leavers struct {
	staff
	left string
}

func (l *leavers) Load() ([]directory.Domain, []directory.User, error) {
	domains, users, err := l.staff.Load()
	return domains, slices.DeleteFunc(users, func(u directory.User) bool { return string(u.AoR) == l.left }), err
}

// A user who is removed is told nothing more, at once and not only when the
// subscription would be refreshed; who watches them is told that it is over.
func TestRule01WhoIsRemovedSeesNothing(t *testing.T) {
	people := &leavers{}
	inOffice(t, func(o *app.Options) { o.People = people }, func(o *office) {
		bob, carol := o.handset("bob"), o.handset("carol")
		carol.subscribe("bob")
		carol.next()
		bob.subscribe("carol")
		bob.next()
		people.left = "sip:carol@example.test"
		if err := o.server.PeopleChanged(); err != nil {
			t.Fatal(err)
		}
		o.expect(carol.next(), "NOTIFY", "Subscription-State: terminated;reason=rejected", "Content-Length: 0")
		o.expect(bob.next(), "NOTIFY", "Subscription-State: terminated;reason=rejected", "Content-Length: 0")
		people.left = ""
		if err := o.server.PeopleChanged(); err != nil {
			t.Fatal(err)
		}
		bob.subscribe("carol")
		o.shows(bob.next(), presence.Offline)
	})
}

// Behind one address everybody asks for a challenge at once, after a power cut:
// whoever then answers one is let in, and so are the others. Guesses are counted
// apart.
func TestRule10WhoHasCredentialsIsNotShutOut(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		eve := o.handset("bob")
		bob := o.handsetAt("bob", "example.test", netip.AddrPortFrom(eve.addr.Addr(), 5070))
		right := bob.authorization("SUBSCRIBE", aor("alice"))
		flood := func(lines ...string) (admitted int) {
			for eve.exchange(eve.request("SUBSCRIBE", aor("alice"), lines...)).Status() != 500 {
				if admitted++; admitted > 300 {
					break
				}
			}
			return admitted
		}
		flood()
		o.expect(bob.exchange(bob.request("SUBSCRIBE", aor("alice"), right)), "200 OK")
		if n := flood(); n < 300 {
			t.Errorf("%d challenges where somebody has signed in", n)
		}
		o.advance(10 * time.Minute) // let off no longer, and the nonce is stale
		if n := flood(right); n < 300 {
			t.Errorf("%d stale credentials at once", n)
		}

		eve = o.handset("carol") // of another address
		n := 0                   // guesses of one name are another limit's
		for n < 300 && eve.exchange(eve.request("SUBSCRIBE", aor("alice"), fmt.Sprintf("Authorization: Digest username=\"u%d\", realm=\"example.test\", nonce=\"x\", uri=\"x\", response=\"00\"", n))).Status() != 500 {
			n++
		}
		if n != 200 {
			t.Errorf("%d guesses at once, want 200", n)
		}
	})
}

// Nothing below the minimum, except from a trusted peer, and never more than
// was asked for; REGISTER is told 423 only under an hour.
func TestRule11Expires(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Trust = []string{"198.51.100.9"} }, func(o *office) {
		h := o.handset("alice")
		register := func(expires string) *sip.Message {
			return h.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", expires)
		}
		o.expect(register("Expires: 59"), "423 ", "Min-Expires: 60")
		o.expect(register("Expires: 60"), "200 OK", "Contact: .*;expires=60.*")
		o.expect(register("Expires: 0"), "200 OK", "Contact: -")
		o.expect(h.do("SUBSCRIBE", aor("bob"), "Expires: 1"), "423 ", "Min-Expires: 60")
		o.expect(h.do("SUBSCRIBE", aor("bob"), "Expires: 60"), "200 OK", "Expires: 60")
		o.expect(h.do("PUBLISH", aor("alice"), busy, "Expires: 4"), "423 ", "Min-Expires: 5")
		o.expect(h.do("PUBLISH", aor("alice"), busy, "Expires: 5"), "200 OK", "Expires: 5")
		peer := o.handsetAt("pbx", "example.test", netip.MustParseAddrPort("198.51.100.9:5060"))
		o.expect(peer.exchange(peer.request("PUBLISH", aor("alice"), busy, "Expires: 1")), "200 OK", "Expires: 1")
		o.expect(peer.exchange(peer.request("SUBSCRIBE", aor("alice"), "Expires: 2")), "200 OK", "Expires: 2")
	})
}

// What is over the limit is refused, and what lives stays.
func TestRule12TenPublications(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		var tags []string
		for range 10 {
			tags = append(tags, h.publish("alice", busy))
		}
		o.expect(h.do("PUBLISH", aor("alice"), busy), "500 ", `Retry-After: \d+`)
		for _, tag := range tags {
			h.publish("alice", "SIP-If-Match: "+tag)
		}
	})
}

// [6665-5.4.10-1] [3903-14.2-2] [3856-6.3-2] The first changes go at once, the newest of the rest
// when there is a token; a call never waits.
func TestRule13RateOfNotifications(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		d := o.handset("bob").subscribe("alice")
		d.next()
		tag := alice.publish("alice", busy)
		change := func(s presence.State) {
			tag = alice.publish("alice", "SIP-If-Match: "+tag, state("alice", s))
			o.advance(10 * time.Millisecond)
		}
		for _, s := range []presence.State{presence.Away, presence.Busy, presence.Away, presence.Busy} {
			change(s)
		}
		if n := len(d.requests); n != 5 {
			t.Errorf("%d at once, want 5", n)
		}
		d.drain()
		change(presence.Away)
		change(presence.Meeting)
		if n := len(d.requests); n != 0 {
			t.Errorf("%d beyond the rate", n)
		}
		began := time.Now()
		o.shows(d.next(), presence.Meeting) // the one between is never told
		if wait := time.Since(began); wait > 5*time.Second {
			t.Errorf("it waited %v", wait)
		}
		change(presence.OnThePhone)
		change(presence.Available)
		if n := len(d.requests); n != 2 {
			t.Errorf("%d of a call, want 2 at once", n)
		}
	})
}

// Behind one proxy over UDP a NOTIFY goes where the SUBSCRIBE came from, not
// where the Contact points; over more hops to the Contact.
func TestRule15TargetOfNotify(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Outbound = []string{"203.0.113.0/24"} }, func(o *office) {
		natted, other := o.handset("bob"), o.handset("bob")
		d := natted.subscribe("alice", "Contact: <sip:bob@10.0.0.7:5060>")
		o.expect(d.next(), "NOTIFY sip:bob@10.0.0.7:5060")

		via := "+Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKfirst"
		m := natted.do("SUBSCRIBE", aor("alice"), via, "Contact: <"+other.contact()+">", "Event: presence;id=2")
		o.expect(m, "200 OK", `Via: SIP/2.0/UDP 203.0.113.1:5060;.*, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKfirst`)
		o.expect(other.next(), "NOTIFY "+other.contact())

		o.expect(natted.do("SUBSCRIBE", aor("alice"), via, "Contact: <sip:bob@198.51.100.1>"), "403 ")
		o.expect(natted.do("SUBSCRIBE", aor("alice"), via, "Contact: <sip:"+at+">"), "403 ")
		natted.drain()
		natted.silent(time.Minute)
	})
}

// [6665-4.2.2-4] [3856-9.5-1] [6665-4.2.2-10] These end a subscription, without another word; others do not.
func TestRule16RefusedNotifyEndsTheSubscription(t *testing.T) {
	for status, ends := range map[int]bool{404: true, 405: true, 410: true, 416: true, 480: true, 481: true, 482: true, 483: true,
		484: true, 485: true, 489: true, 501: true, 604: true, 400: false, 403: false, 486: false, 500: false, 503: false, 408: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inOffice(t, nil, func(o *office) {
				alice := o.handset("alice")
				d := o.handset("bob").subscribe("alice")
				d.next()
				o.advance(2 * time.Second)
				d.status.Store(int64(status))
				tag := alice.publish("alice", busy)
				d.next()
				d.status.Store(200)
				if ends {
					alice.publish("alice", "SIP-If-Match: "+tag, state("alice", presence.Away))
					d.silent(2 * time.Hour)
					o.expect(d.again(), "481 ")
					return
				}
				o.shows(d.next(), presence.Busy) // it is tried again
				o.expect(d.again(), "200 OK")
			})
		})
	}
}

func TestRule16TheFirstNotifyIsTriedTwice(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		d := o.handset("bob")
		d.status.Store(481)
		sub := d.subscribe("alice")
		one := sub.next()
		sub.status.Store(200)
		two := sub.next()
		a, _ := one.CSeq()
		if b, _ := two.CSeq(); b.Number != a.Number+1 {
			t.Errorf("CSeq %d after %d", b.Number, a.Number)
		}
		o.expect(sub.again(), "200 OK")
	})
}

// A phone that is silent is probed once a minute, and given up after three.
func TestRule16ASilentPhoneIsProbed(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		d := o.handset("bob").subscribe("alice", "Expires: 3600")
		d.next()
		d.status.Store(0)
		o.handset("alice").publish("alice", busy)
		numbers := map[uint32]int{}
		began := time.Now()
		for time.Since(began) < 15*time.Minute {
			select {
			case m := <-d.requests:
				c, _ := m.CSeq()
				numbers[c.Number]++
			case <-time.After(time.Minute):
			}
		}
		if len(numbers) != 4 {
			t.Errorf("%d NOTIFYs %v, want one and three probes", len(numbers), numbers)
		}
		o.expect(d.again(), "481 ")
	})
}

// The same phone again after a reboot: what it had before is over.
func TestRule17ARebootReplaces(t *testing.T) {
	const instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`
	for name, contacts := range map[string][2]string{
		"by its instance": {"<sip:bob@203.0.113.2:5060>" + instance, "<sip:bob@10.1.1.1:5070>" + instance},
		"by its contact":  {"<sip:bob@203.0.113.2:5060>", "<sip:bob@203.0.113.2:5060>"},
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, nil, func(o *office) {
				alice, bob := o.handset("alice"), o.handset("bob")
				old := bob.subscribe("alice", "Contact: "+contacts[0])
				bob.next()
				bob.subscribe("alice", "Contact: "+contacts[1])
				bob.next()
				bob.drain()
				alice.publish("alice", busy)
				o.shows(bob.next(), presence.Busy)
				bob.silent(time.Minute)
				o.expect(old.again(), "481 ")
			})
		})
	}
}

// A phone with a key for somebody's name and one for their extension has two
// lamps, though all its subscriptions share a Contact.
func TestRule17ANameAndAnAliasAreTwoLamps(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		name := bob.subscribe("alice")
		bob.next()
		bob.subscribe("1002")
		bob.next()
		alice.publish("alice", busy)
		o.shows(bob.next(), presence.Busy)
		o.shows(bob.next(), presence.Busy)
		o.expect(name.again(), "200 OK")
	})
}

// [6665-8.3.1-1] Also where nobody has allowed it yet: 200, never 202.
// [6665-4.2.1.1-1] [6665-4.2.1.3-3] [6665-4.2.1.2-4] [6665-4.2.1.2-3] [6665-4.2.1.3-4]
func TestRule18NoneIs202(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.handset("alice").publish("alice", busy)
		confirm := policy.Rules{{Domains: []string{"example.test"}, Handling: event.Confirm}}
		o.server.UseRules("sip:alice@example.test", confirm)
		d := o.handset("bob").subscribe("alice")
		n := d.next()
		o.expect(n, "NOTIFY", `Subscription-State: pending;expires=\d+`)
		o.shows(n, presence.Offline)
		o.server.UseRules("sip:alice@example.test", nil)
		n = d.next()
		o.expect(n, "NOTIFY", `Subscription-State: active;expires=\d+`)
		o.shows(n, presence.Busy)
		o.server.UseRules("sip:alice@example.test", policy.Rules{})
		o.expect(d.next(), "NOTIFY", "Subscription-State: terminated;reason=rejected", "Content-Length: 0")
		o.expect(d.again(), "481 ")
		o.expect(o.handset("carol").do("SUBSCRIBE", aor("alice")), "403 ")
	})
}

// [6665-6.2-1] [6665-6.2-2] [3856-6.6.2-5] [3856-6.6.2-3] Who is blocked politely gets what everybody sees
// of somebody who is not there.
func TestPoliteBlockLooksLikeOffline(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		polite := policy.Rules{{Domains: []string{"example.test"}, Handling: event.PoliteBlock}}
		o.server.UseRules("sip:alice@example.test", polite)
		alice := o.handset("alice")
		tag := alice.publish("alice", busy)
		blocked, free := o.handset("bob").subscribe("alice"), o.handset("bob").subscribe("carol")
		strip := func(m *sip.Message) string {
			return strings.ReplaceAll(string(m.Body()), "carol", "alice")
		}
		one, two := blocked.next(), free.next()
		if strip(one) != strip(two) {
			t.Errorf("%s\nunlike\n%s", strip(one), strip(two))
		}
		for _, line := range []string{"Subscription-State", "Content-Type", "Event"} {
			o.expect(one, "NOTIFY", line+": .+")
		}
		alice.publish("alice", "SIP-If-Match: "+tag, state("alice", presence.Away))
		blocked.silent(time.Minute)
	})
}

func TestRule20AnyTagThatIsNotOursIs412(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		for _, tag := range []string{"x", "dx200xyz", "0", strings.Repeat("a", 400), "a.1353420000.1234.5.0", "'; DROP TABLE", "%00"} {
			o.expect(h.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag, busy), "412 Conditional Request Failed")
			o.expect(h.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag, "Expires: 0"), "412 ")
			o.expect(h.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag), "412 ")
		}
	})
}

// A nonce serves many requests, each count once, in whatever order they come;
// without qop it serves one request; and the answer to a challenge may have the
// number of the request that was challenged.
func TestRule21Digest(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		h.authorization("PUBLISH", aor("alice"))
		publish := func(lines ...string) *sip.Message {
			return h.exchange(h.request("PUBLISH", aor("alice"), append(lines, busy)...))
		}
		var counted []string
		for range 5 {
			counted = append(counted, h.authorization("PUBLISH", aor("alice")))
		}
		for _, i := range []int{0, 2, 1, 4} {
			o.expect(publish(counted[i]), "200 OK")
		}
		o.expect(publish(counted[2]), "401 ", "WWW-Authenticate: .*stale=true.*")
		o.expect(publish(counted[3]), "200 OK")
		o.advance(5 * time.Minute)
		o.expect(publish(h.authorization("PUBLISH", aor("alice"))), "401 ", "WWW-Authenticate: .*stale=true.*")

		m := publish("CSeq: 7 PUBLISH", "Call-ID: kamailio", "From: <sip:alice@example.test>;tag=k")
		// An older client knows MD5 alone, and no qop.
		old := regexp.MustCompile(`(?m)^WWW-Authenticate: .*SHA-256.*\r\n`).ReplaceAllString(string(m.Bytes()), "")
		old = strings.ReplaceAll(old, `, qop="auth"`, "")
		plain := &sip.Message{}
		if err := plain.Parse([]byte(old)); err != nil {
			t.Fatal(err)
		}
		legacy := strings.TrimSpace(digest.Challenges(plain)[0].Answer("PUBLISH", aor("alice"), "alice", "secret"))
		o.expect(publish("CSeq: 7 PUBLISH", "Call-ID: kamailio", "From: <sip:alice@example.test>;tag=k", legacy), "200 OK")
		o.expect(publish("CSeq: 7 PUBLISH", "Call-ID: kamailio", "From: <sip:alice@example.test>;tag=k", legacy), "401 |482 ")
		o.expect(publish("CSeq: 8 PUBLISH", "Call-ID: kamailio", "From: <sip:alice@example.test>;tag=k", legacy), "200 OK")
	})
}

// An entity without a scheme, and one that is an alias, are the user.
func TestRule25EntitiesThatMeanTheUser(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		d := o.handset("bob").subscribe("alice")
		d.next()
		for _, entity := range []string{"alice@example.test", "sip:1002@example.test", "tel:+498912341002", "sip:alice@192.0.2.1", "pres:alice@example.test", "SIP:alice@Example.TEST"} {
			tag := h.publish("alice", strings.ReplaceAll(busy, aor("alice"), entity))
			if doc := o.shows(d.next(), presence.Busy); doc.Entity != aor("alice") {
				t.Errorf("entity %s", doc.Entity)
			}
			h.publish("alice", "SIP-If-Match: "+tag, "Expires: 0")
			d.next()
			o.advance(time.Minute)
		}
		o.expect(h.do("PUBLISH", aor("alice"), strings.ReplaceAll(busy, aor("alice"), "sip:alice@other.test")), "400 ")
	})
}

// Do-not-disturb holds until it is taken back or its time is over; it never hides
// a call, though the headline is its own, and makes nobody reachable.
func TestRule22DoNotDisturb(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob, blf := o.handset("alice"), o.handset("bob"), o.handset("bob")
		bob.subscribe("alice", "Expires: 86400")
		bob.next()
		blf.subscribe("alice", "Event: dialog", "Expires: 86400")
		until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		dnd := strings.Replace(state("alice", presence.Busy), "<rpid:activities><rpid:busy/></rpid:activities>",
			`<dnd xmlns="urn:lamplight:presence" until="`+until+`"/>`, 1)
		tag := alice.publish("alice", "Expires: 7200", dnd)
		o.shows(bob.next(), presence.DND)
		call := alice.publish("alice", "Event: dialog", call("alice", "confirmed"))
		o.has(bob.next(), "<rpid:busy/><rpid:on-the-phone/>", `<note xml:lang="en">Do not disturb</note>`)
		alice.publish("alice", "Event: dialog", "SIP-If-Match: "+call, "Expires: 0")
		o.shows(bob.next(), presence.DND)
		blf.drain()
		o.advance(time.Hour)
		o.shows(bob.next(), presence.Available)
		o.has(blf.next(), "<state>terminated</state>")
		alice.publish("alice", "SIP-If-Match: "+tag, strings.Replace(dnd, "open", "closed", 1))
		o.shows(bob.next(), presence.Offline)
	})
}

// It is shown as what clients know best, and in the words of phones that have
// some of their own.
func TestRule33DoNotDisturbInEachDialect(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		shown := map[string][]string{
			"Some Phone":     {"<rpid:busy/>", `<note xml:lang="en">Do not disturb</note>`, "-urn:lamplight"},
			"Cisco-CP9999":   {"<ce:dnd/>"},
			"Digium D99":     {`<digium_presence type="dnd" subtype="">`},
			"PolycomVVX/9.9": {`<msnsubstatus substatus="busy"/>`},
		}
		phones := map[string]*handset{}
		for agent := range shown {
			phones[agent] = o.handset("bob")
			phones[agent].subscribe("alice", "User-Agent: "+agent, "Accept: application/pidf+xml, application/cpim-pidf+xml, application/xpidf+xml")
			phones[agent].next()
		}
		words := `<rpid:activities xmlns:ce="urn:cisco:params:xml:ns:pidf:rpid"><ce:dnd/></rpid:activities>`
		o.handset("alice").publish("alice", strings.Replace(state("alice", presence.Busy), "<rpid:activities><rpid:busy/></rpid:activities>", words, 1))
		for agent, words := range shown {
			o.has(phones[agent].next(), words...)
		}
	})
}
