package app_test

import (
	"bytes"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"lamplight/app"
	"lamplight/event/presence"
	"lamplight/sip"
	"lamplight/sip/resolve/resolvetest"
)

// The proxies of partner.test; each is a handset of these tests, the first at
// 203.0.113.1.
const partner = `
partner.test.             NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.partner.test.
_sip._udp.partner.test.   SRV 1 0 5060 one.partner.test.
_sip._udp.partner.test.   SRV 2 0 5060 two.partner.test.
one.partner.test.         A 203.0.113.1
two.partner.test.         A 203.0.113.2
`

// inNamedOffice runs a script in an office with a name server.
func inNamedOffice(t *testing.T, outbound []string, script func(o *office, names *resolvetest.Server)) {
	t.Helper()
	names := resolvetest.New(t, partner)
	inOffice(t, func(o *app.Options) {
		o.DNS, o.DialDNS, o.Outbound = []string{"192.0.2.53:53"}, names.Dial, outbound
	}, func(o *office) { script(o, names) })
}

// routed is a SUBSCRIBE's way through the proxies of partner.test.
const routed = "Record-Route: <sip:partner.test;lr>"

// [3263-4-3]
func TestNotifyThroughANamedProxy(t *testing.T) {
	inNamedOffice(t, nil, func(o *office, names *resolvetest.Server) {
		const route = "Record-Route: <sip:two.partner.test:5060;lr>"
		one, two := o.handset("alice"), o.handset("bob")
		d := one.subscribe("bob", route)
		o.expect(two.next(), "NOTIFY sip:alice@203.0.113.1:5060 SIP/2.0", "Route: <sip:two.partner.test:5060;lr>", "Contact: <sip:192.0.2.1:5060>")
		o.publish("bob", presence.Busy)
		o.expect(two.next(), "NOTIFY", "Route: .*two.partner.*")
		o.crash() // the way is stored
		two.drain()
		o.publish("bob", presence.Away)
		o.expect(two.next(), "NOTIFY", "Route: .*two.partner.*")
		o.expect(d.again(route, "Expires: 0"), "200 OK")
		two.drain()
		o.advance(time.Second)
		one.silent(time.Second)
	})
}

func TestNotifyToANamedContact(t *testing.T) {
	inNamedOffice(t, nil, func(o *office, names *resolvetest.Server) {
		one, two := o.handset("alice"), o.handset("bob")
		one.subscribe("bob", "Contact: <sip:alice@two.partner.test:5060>", "+Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx")
		o.expect(two.next(), "NOTIFY sip:alice@two.partner.test:5060")
		one.silent(time.Second)
		// With one hop the way back is known, whatever name the Contact has.
		one.subscribe("carol", "Contact: <sip:alice@two.partner.test:5060>")
		o.expect(one.next(), "NOTIFY sip:alice@two.partner.test:5060")
		// An own domain is not looked up (RFC 3263 §4 is for others).
		names.Asked()
		one.subscribe("pbx", "Record-Route: <sip:example.test;lr>")
		o.expect(one.next(), "NOTIFY")
		if asked := names.Asked(); len(asked) > 0 {
			o.Errorf("asked %q", asked)
		}
	})
}

// [3263-4.3-1] [3263-4.3-2]
func TestNotifyFailsOver(t *testing.T) {
	inNamedOffice(t, nil, func(o *office, names *resolvetest.Server) {
		one, two := o.handset("alice"), o.handset("bob")
		one.status.Store(503)
		one.subscribe("bob", routed)
		first, second := one.next(), two.next()
		if via := string(first.Value(sip.Via)); via == string(second.Value(sip.Via)) {
			o.Errorf("twice %s", via)
		}
		o.expect(second, "NOTIFY", "CSeq: "+string(first.Value(sip.CSeq)))
		one.status.Store(0)
		o.publish("bob", presence.Busy)
		began := time.Now()
		two.next()
		if took := time.Since(began); took < 32*time.Second || took > 33*time.Second {
			o.Errorf("failed over after %v", took)
		}
		o.advance(10 * time.Second) // the bucket is full again
		one.drain()
		began = time.Now()
		o.publish("bob", presence.Away)
		two.next() // what is dead is tried last
		if took := time.Since(began); took > time.Second {
			o.Errorf("took %v", took)
		}
		two.status.Store(481)
		o.publish("bob", presence.Busy)
		o.advance(2 * time.Minute)
		o.expectMetrics(map[string]string{`lamplight_subscriptions{event="presence"}`: "0"})
	})
}

// A name server that is late holds up the one notification; one that says
// nothing none but those that need it, and they come when it is back.
func TestSlowNamesHoldUpNobody(t *testing.T) {
	inNamedOffice(t, nil, func(o *office, names *resolvetest.Server) {
		const late = 1500 * time.Millisecond
		var silent atomic.Bool
		names.Reply(func(_ string, q, honest *dns.Msg) []*dns.Msg {
			if silent.Load() {
				return nil
			}
			if strings.HasSuffix(q.Question[0].Name, "one.partner.test.") {
				<-time.After(late)
			}
			return []*dns.Msg{honest}
		})
		one := o.handset("alice")
		began := time.Now()
		one.subscribe("bob", "Record-Route: <sip:one.partner.test:5060;lr>")
		if took := time.Since(began); took > time.Second {
			o.Errorf("SUBSCRIBE was answered after %v", took)
		}
		one.next()
		if took := time.Since(began); took < late || took > late+time.Second {
			o.Errorf("the notification came after %v", took)
		}
		o.advance(2 * time.Minute) // what was looked up is forgotten
		silent.Store(true)
		one.subscribe("bob", routed)
		o.watch("carol", "bob", "presence")
		o.expectNotify("carol", "bob", presence.Offline) // and within a second
		for _, state := range []presence.State{presence.Busy, presence.Away, presence.Busy} {
			o.publish("bob", state)
			o.expectNotify("carol", "bob", state)
		}
		one.silent(15 * time.Second)
		silent.Store(false)
		o.advance(2 * time.Minute)
		o.expect(one.next(), "NOTIFY", "Route: <sip:partner.test;lr>")
		if n := o.scrape()["lamplight_dns_failures_total"]; n == "0" || n == "" {
			o.Errorf("%q failures", n)
		}
	})
}

// Where a name leads is looked up in the outbound list, and is no place where no
// phone is: not the server, its host, or a service of others.
func TestNamesCannotAimTheServer(t *testing.T) {
	inNamedOffice(t, []string{"203.0.113.2/32", "192.0.2.1", "127.0.0.1"}, func(o *office, names *resolvetest.Server) {
		one, two := o.handset("alice"), o.handset("bob")
		one.subscribe("bob", routed)
		two.next() // the first server is outside the list
		one.silent(time.Second)
		names.Set("mirror.test. A 192.0.2.1\nmirror.test. A 127.0.0.1\nmirror.test. A 198.51.100.7\nservice.test. A 203.0.113.2")
		o.net.Tap(func(from, to netip.AddrPort, b []byte) {
			if from == serverAt && bytes.HasPrefix(b, []byte("NOTIFY")) {
				o.Errorf("a notification to %s", to)
			}
		})
		two.subscribe("alice", "Record-Route: <sip:mirror.test:5060;lr>")
		two.subscribe("carol", "Record-Route: <sip:service.test:53;lr>")
		o.advance(5 * time.Minute)
	})
}
