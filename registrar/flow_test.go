package registrar_test

import (
	"net/netip"
	"testing"
	"time"

	"lamplight/event"
	"lamplight/owner"
	. "lamplight/registrar"
	"lamplight/store/fault"
)

// flowDesk is a desk at which connections matter.
func flowDesk(t *testing.T, j *fault.Journal, now time.Time, o Options) *desk {
	t.Helper()
	d := newDesk(t, &fault.Journal{}, now)
	d.journal = j
	d.Registrar = New(d, o)
	d.owners = owner.New(j, d, owner.Options{Owners: 1})
	if err := d.owners.Load(now); err != nil {
		t.Fatal(err)
	}
	return d
}

// lose says that a connection is gone.
func (d *desk) lose(flow uint64) {
	d.t.Helper()
	if err := d.owners.Post(string(alice), owner.Func(func(t *owner.Turn) { d.Lost(t, alice, flow) })); err != nil {
		d.t.Fatal(err)
	}
	d.settle(d.now)
}

// over is a request that came by a connection.
func over(flow uint64, r Request) Request {
	r.Flow = flow
	return r
}

var patient = Options{Grace: 30 * time.Second, GraceAtStart: 150 * time.Second}

func TestABindingEndsWithItsConnection(t *testing.T) {
	d := flowDesk(t, &fault.Journal{}, start, patient)
	d.mustRegister(over(7, request("one", 1, at("a@h", 300))))
	d.mustRegister(over(8, request("two", 1, at("b@h", 300))))
	d.mustRegister(request("three", 1, at("c@h", 300)))
	proxied := over(7, request("four", 1, at("d@h", 300)))
	proxied.Path = []string{"<sip:p.test;lr>"}
	d.mustRegister(proxied)
	d.mustRegister(over(7, request("five", 1, at("e@h;pn-provider=acme", 300))))
	d.lose(7)
	d.lose(9)
	d.advance(29 * time.Second)
	if n := len(d.Lookup(alice)); n != 5 {
		t.Errorf("%d bindings before the time of grace is over, want 5", n)
	}
	d.lose(7) // again: the time does not begin anew
	d.advance(time.Second)
	if got := d.list(d.Lookup(alice)); got != "b@h 270, c@h 270, d@h 270, e@h;pn-provider=acme 270" {
		t.Errorf("bound %s", got)
	}
	if got := d.told(); got != "a@h terminated deactivated, b@h active registered, c@h active registered, d@h active registered, e@h;pn-provider=acme active registered asleep" {
		t.Errorf("told %s", got)
	}
	if d.Deserted() != 1 || d.journal.Len() != 4 {
		t.Errorf("%d deserted, %d records", d.Deserted(), d.journal.Len())
	}
}

func TestABindingThatIsRefreshedInTimeGoesOn(t *testing.T) {
	d := flowDesk(t, &fault.Journal{}, start, patient)
	d.mustRegister(over(7, request("one", 1, at("a@h", 300))))
	d.lose(7)
	d.advance(29 * time.Second)
	d.mustRegister(over(8, request("one", 2, at("a@h", 300))))
	d.advance(299 * time.Second)
	if d.list(d.Lookup(alice)) != "a@h 1" || d.told() != "a@h active refreshed" {
		t.Errorf("bound %s, told %s", d.list(d.Lookup(alice)), d.told())
	}
}

// Where a device whose connection is gone is found at its Contact, it goes on.
func TestABindingThatIsFoundGoesOn(t *testing.T) {
	o, asked := patient, map[string]time.Duration{}
	o.Ask = func(aor event.AoR, b *Binding, within time.Duration) { asked[b.URI] = within }
	d := flowDesk(t, &fault.Journal{}, start, o)
	d.mustRegister(over(7, request("one", 1, at("a@h", 300))))
	d.mustRegister(over(7, request("two", 1, at("b@h", 300))))
	id := d.Lookup(alice)[0].ID
	d.lose(7)
	if len(asked) != 2 || asked["sip:a@h"] != 30*time.Second {
		t.Errorf("asked %v", asked)
	}
	d.advance(29 * time.Second)
	if err := d.owners.Post(string(alice), owner.Func(func(t *owner.Turn) { d.Found(t, alice, id) })); err != nil {
		t.Fatal(err)
	}
	d.settle(d.now)
	d.advance(2 * time.Second)
	if got := d.list(d.Lookup(alice)); got != "a@h 269" {
		t.Errorf("bound %s", got)
	}
}

// Its own time may be over before the time of grace is.
func TestALostBindingExpires(t *testing.T) {
	d := flowDesk(t, &fault.Journal{}, start, patient)
	d.mustRegister(over(7, request("one", 1, at("a@h", 60))))
	d.advance(40 * time.Second)
	d.lose(7)
	d.advance(20 * time.Second)
	if got := d.told(); got != "a@h terminated expired" || d.Deserted() != 0 {
		t.Errorf("told %s, %d deserted", got, d.Deserted())
	}
}

// A restart takes all connections, and phones need longer to notice. One that is
// there still was not lost: the AoR was read again for another reason.
func TestConnectionsAfterARestart(t *testing.T) {
	d := flowDesk(t, &fault.Journal{}, start, patient)
	d.mustRegister(over(7, request("one", 1, at("a@h", 500))))
	d.mustRegister(over(8, request("two", 1, at("b@h", 500))))
	d.mustRegister(request("three", 1, at("c@h", 500)))

	o := patient
	o.Alive = func(flow uint64) bool { return flow == 8 }
	again := flowDesk(t, d.journal, start, o)
	again.advance(149 * time.Second)
	if got := again.list(again.Lookup(alice)); got != "a@h 351, b@h 351, c@h 351" {
		t.Errorf("bound %s", got)
	}
	again.advance(time.Second)
	if got := again.list(again.Lookup(alice)); got != "b@h 350, c@h 350" {
		t.Errorf("bound %s", got)
	}
	again.lose(8)
	again.advance(30 * time.Second)
	if got := again.list(again.Lookup(alice)); got != "c@h 320" {
		t.Errorf("bound %s", got)
	}
}

// Who is behind a NAT is pinged as long as there is anybody.
func TestPings(t *testing.T) {
	var pinged []string
	o := patient
	o.PingEvery, o.Ping = 25*time.Second, func(b *Binding) { pinged = append(pinged, b.URI) }
	d := flowDesk(t, &fault.Journal{}, start, o)
	from := func(source string, r Request) Request {
		r.Source = netip.MustParseAddrPort(source)
		return r
	}
	d.mustRegister(from("192.0.2.1:5060", request("one", 1, at("a@192.0.2.1", 300))))
	d.mustRegister(from("[2001:db8::1]:5070", request("two", 1, at("a@[2001:DB8:0::1]:5070", 300))))
	d.mustRegister(over(7, from("192.0.2.1:40000", request("three", 1, at("a@10.0.0.1", 300)))))
	d.advance(100 * time.Second)
	if len(pinged) != 0 {
		t.Errorf("pinged %v", pinged)
	}
	d.mustRegister(from("192.0.2.1:5060", request("four", 1, at("address@10.0.0.1", 300))))
	d.mustRegister(from("192.0.2.1:5062", request("five", 1, at("port@192.0.2.1", 300))))
	d.mustRegister(from("192.0.2.1:5060", request("six", 1, at("name@phone.test", 300))))
	d.advance(250 * time.Second)
	counts := map[string]int{}
	for _, uri := range pinged {
		counts[uri]++
	}
	for _, uri := range []string{"sip:address@10.0.0.1", "sip:port@192.0.2.1", "sip:name@phone.test"} {
		if counts[uri] < 9 || counts[uri] > 10 {
			t.Errorf("%s is pinged %d times in 250 s", uri, counts[uri])
		}
	}
	if len(counts) != 3 {
		t.Errorf("pinged %v", counts)
	}
	d.advance(time.Hour)
	if !d.owners.Next().IsZero() {
		t.Error("somebody is still pinged")
	}
}
