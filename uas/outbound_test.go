package uas_test

import (
	"slices"
	"strings"
	"testing"

	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/uas"
)

const (
	alices = `;+sip.instance="<urn:uuid:1>"`
	proxy  = "Via: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bKp, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"
	asks   = "Supported: path, outbound"
)

// outbound are single requests: the status, and whether Require says that a flow
// was registered.
var outbound = []struct {
	name    string
	lines   []string
	status  int
	require string
}{
	{"direct", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 200, "outbound"},
	{"direct, without being asked", []string{"Contact: <sip:a@h>" + alices + ";reg-id=1"}, 200, ""},
	{"no reg-id", []string{asks, "Contact: <sip:a@h>" + alices}, 200, ""},
	{"no contact", []string{asks}, 200, ""},
	{"no instance", []string{asks, "Contact: <sip:a@h>;reg-id=1"}, 200, ""},
	{"behind a proxy without Path", []string{asks, proxy, "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 439, ""},
	{"behind a proxy that knows none", []string{asks, proxy, "Path: <sip:p.test;lr>", "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 439, ""},
	{"ob of another than the first hop", []string{asks, proxy, "Path: <sip:q.test;lr;ob>, <sip:p.test;lr>", "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 439, ""},
	{"behind a proxy that knows flows", []string{asks, proxy, "Path: <sip:q.test;lr>, <sip:p.test;lr;ob>", "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 200, "outbound"},
	{"ignored behind a proxy", []string{proxy, "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 200, ""},
	{"439 is for flows alone", []string{asks, proxy, "Contact: <sip:a@h>" + alices}, 200, ""},
	{"two, and one is a flow", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=1", "Contact: <sip:b@h>"}, 400, ""},
	{"two flows", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=1", "Contact: <sip:b@h>" + alices + ";reg-id=2"}, 400, ""},
	{"one, and others that end", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=1", "Contact: <sip:b@h>;expires=0"}, 200, "outbound"},
	{"two that end", []string{asks, "Expires: 0", "Contact: <sip:a@h>" + alices + ";reg-id=1", "Contact: <sip:b@h>"}, 200, "outbound"},
	{"reg-id of 0", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=0"}, 400, ""},
	{"the largest", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=2147483647"}, 200, "outbound"},
	{"a larger one", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=2147483648"}, 400, ""},
	{"no number", []string{asks, "Contact: <sip:a@h>" + alices + ";reg-id=one"}, 400, ""},
	{"required of us", []string{asks, "Require: outbound", "Contact: <sip:a@h>" + alices + ";reg-id=1"}, 200, "outbound"},
}

// [5626-6-2] [5626-6-3] [5626-6-4] [5626-6-5] [5626-6-6] [5626-6-7] [5626-6-8]
// [5626-6-12] [5626-10-1] [5626-11.6-1] What is a flow, and what is said of it.
func TestOutbound(t *testing.T) {
	for _, r := range outbound {
		t.Run(r.name, func(t *testing.T) {
			atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
				m := c.exchange(c.register(r.lines...))
				if m.Status() != r.status || values(m, sip.Require) != r.require {
					t.Errorf("%d with Require %q, want %d with %q\n%s", m.Status(), values(m, sip.Require), r.status, r.require, m.Bytes())
				}
				if strings.Contains(string(m.Bytes()), "Flow-Timer") {
					t.Error("a Flow-Timer over UDP, where a NAT would not wait for so long")
				}
			})
		})
	}
}

// [5626-6-9] [5626-6-10] [5626-6-11] [5626-6-14] Flows are bound by their device and number,
// whatever their URIs; others by their URIs.
func TestFlowsOfADevice(t *testing.T) {
	steps := []struct{ contact, bound string }{
		{"<sip:a@h:1>" + alices + ";reg-id=1", "a@h:1"},
		{"<sip:a@h:2>" + alices + ";reg-id=1", "a@h:2"},
		{"<sip:a@h:2>" + alices + ";reg-id=2", "a@h:2 a@h:2"},
		{`<sip:a@h:3>;+sip.instance="<urn:uuid:2>";reg-id=1`, "a@h:2 a@h:2 a@h:3"},
		{"<sip:a@h:4>", "a@h:2 a@h:2 a@h:3 a@h:4"},
		{"<sip:a@h:4>;q=0.5", "a@h:2 a@h:2 a@h:3 a@h:4"},
		{"<sip:a@h:5>" + alices + ";reg-id=02", "a@h:2 a@h:3 a@h:4 a@h:5"},
		{"<sip:a@h:9>" + alices + ";reg-id=2;expires=0", "a@h:2 a@h:3 a@h:4"},
		{"<sip:a@h:2>;expires=0", "a@h:3 a@h:4"},
	}
	atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
		for _, s := range steps {
			c.exchange(c.register(asks, "Contact: "+s.contact))
			var uris []string
			for _, b := range c.bindings() {
				uris = append(uris, strings.TrimPrefix(b.URI, "sip:"))
			}
			slices.Sort(uris)
			if got := strings.Join(uris, " "); got != s.bound {
				t.Errorf("%s: bound %s, want %s", s.contact, got, s.bound)
			}
		}
	})
}

// bindings are alice's.
func (c *counter) bindings() []registrar.Binding {
	found := make(chan []registrar.Binding, 1)
	c.owners.Return("sip:alice@example.test", owner.Func(func(*owner.Turn) { found <- c.registrar.Lookup("sip:alice@example.test") }))
	return <-found
}
