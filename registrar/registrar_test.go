package registrar_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/body/reginfo"
	"lamplight/event"
	"lamplight/owner"
	. "lamplight/registrar"
	"lamplight/store/fault"
)

const alice event.AoR = "sip:alice@example.test"

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// desk is a registrar with its owners, its clock, and the bag that it fills.
type desk struct {
	*Registrar
	t       *testing.T
	owners  *owner.Owners
	journal *fault.Journal
	now     time.Time
	bag     map[event.Key]event.Input
}

func newDesk(t *testing.T, j *fault.Journal, now time.Time) *desk {
	t.Helper()
	d := &desk{t: t, journal: j, now: now, bag: map[event.Key]event.Input{}}
	d.Registrar = New(d, Options{})
	d.owners = owner.New(j, d, owner.Options{Owners: 1})
	if err := d.owners.Load(now); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) Put(_ *owner.Turn, _ event.AoR, in event.Input) { d.bag[in.Key] = in }

func (d *desk) Withdraw(_ *owner.Turn, _ event.AoR, k event.Key) { delete(d.bag, k) }

// Forget drops the bag too, as its owner does.
func (d *desk) Forget(t *owner.Turn, key string) {
	clear(d.bag)
	d.Registrar.Forget(t, key)
}

// advance lets time pass, with every alarm at its moment.
func (d *desk) advance(by time.Duration) {
	d.t.Helper()
	end := d.now.Add(by)
	for next := d.owners.Next(); !next.IsZero() && !next.After(end); next = d.owners.Next() {
		d.settle(next)
	}
	d.settle(end)
}

func (d *desk) settle(now time.Time) {
	d.t.Helper()
	d.now = now
	if err := d.owners.Settle(now); err != nil {
		d.t.Fatal(err)
	}
}

var errNotStored = errors.New("not stored")

// register is the answer to a request: its bindings, or its error.
func (d *desk) register(r Request) (string, error) {
	d.t.Helper()
	r.AoR = alice
	answer, answered := "", errors.New("no answer")
	err := d.owners.Post(string(alice), owner.Func(func(t *owner.Turn) {
		bindings, err := d.Register(t, r)
		t.Say(func(failed error) {
			if answer, answered = d.list(bindings), err; failed != nil {
				answered = errNotStored
			}
		})
	}))
	if err != nil {
		d.t.Fatal(err)
	}
	d.settle(d.now)
	return answer, answered
}

func (d *desk) list(bindings []Binding) string {
	var list []string
	for _, b := range bindings {
		list = append(list, fmt.Sprintf("%s %d", strings.TrimPrefix(b.URI, "sip:"), b.Until.Sub(d.now)/time.Second))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// told is what the bag says of contacts: "URI state event".
func (d *desk) told() string {
	var list []string
	for _, in := range d.bag {
		c := in.Doc.(*reginfo.Contact)
		list = append(list, fmt.Sprintf("%s %s %s", strings.TrimPrefix(c.URI, "sip:"), c.State, c.Event))
		if c.Asleep {
			list[len(list)-1] += " asleep"
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// request has a Call-ID, a CSeq, no Expires, and contacts.
func request(callID string, cseq uint32, contacts ...Contact) Request {
	return Request{CallID: callID, CSeq: cseq, Expires: Unasked, Contacts: contacts}
}

func (d *desk) mustRegister(r Request) string {
	d.t.Helper()
	answer, err := d.register(r)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer
}

// at is a contact with an expires parameter in seconds; -1: without.
func at(uri string, seconds time.Duration) Contact {
	if seconds < 0 {
		return Contact{URI: "sip:" + uri, Expires: Unasked}
	}
	return Contact{URI: "sip:" + uri, Expires: seconds * time.Second}
}

func with(r Request, seconds time.Duration) Request {
	r.Expires = seconds * time.Second
	return r
}

func star(r Request) Request {
	r.Star = true
	return r
}

func flow(c Contact, instance, id string) Contact {
	c.Instance, c.RegID = instance, id
	return c
}

func eleven() (list []Contact) {
	for i := range 11 {
		list = append(list, at(fmt.Sprintf("a@192.0.2.%d", i), 500))
	}
	return list
}

// steps are those of RFC 3261 §10.3 from the sixth on: what is bound before, by
// Call-ID "one" and CSeq 5; the request; its error; and all bindings after it.
var steps = []struct {
	name   string
	before []Contact
	req    Request
	err    error
	after  string
}{
	{"without Contact all are listed", []Contact{at("a@h", 500), at("b@h", 400)}, request("one", 1), nil, "a@h 500, b@h 400"},
	{"without any it is empty", nil, request("one", 1), nil, ""},

	{"* of a newer request removes all", []Contact{at("a@h", 500), at("b@h", 400)}, star(with(request("one", 6), 0)), nil, ""},
	{"* of another Call-ID removes all", []Contact{at("a@h", 500)}, star(with(request("two", 1), 0)), nil, ""},
	{"* of the same CSeq removes none", []Contact{at("a@h", 500)}, star(with(request("one", 5), 0)), ErrOutOfOrder, "a@h 500"},
	{"* without Expires", []Contact{at("a@h", 500)}, star(request("one", 6)), ErrWildcard, "a@h 500"},
	{"* with Expires above 0", []Contact{at("a@h", 500)}, star(with(request("one", 6), 60)), ErrWildcard, "a@h 500"},
	{"* beside a contact", []Contact{at("a@h", 500)}, star(with(request("one", 6, at("b@h", -1)), 0)), ErrWildcard, "a@h 500"},
	{"* where nothing is bound", nil, star(with(request("one", 6), 0)), nil, ""},

	{"the parameter outranks Expires", nil, with(request("one", 1, at("a@h", 300), at("b@h", -1)), 400), nil, "a@h 300, b@h 400"},
	{"the least interval", nil, request("one", 1, at("a@h", 60)), nil, "a@h 60"},
	{"a parameter too brief", nil, request("one", 1, at("a@h", 59)), &TooBriefError{time.Minute}, ""},
	{"Expires too brief", nil, with(request("one", 1, at("a@h", -1)), 59), &TooBriefError{time.Minute}, ""},
	{"a trusted peer may be brief", nil, Request{Peer: true, Contacts: []Contact{at("a@h", 5)}}, nil, "a@h 5"},

	{"a contact is added", []Contact{at("a@h", 500)}, request("one", 6, at("b@h", 400)), nil, "a@h 500, b@h 400"},
	{"and renewed by a newer request", []Contact{at("a@h", 500)}, request("one", 6, at("a@h", 300)), nil, "a@h 300"},
	{"not by the same CSeq", []Contact{at("a@h", 500)}, request("one", 5, at("a@h", 300)), ErrOutOfOrder, "a@h 500"},
	{"nor by a lower one", []Contact{at("a@h", 500)}, request("one", 4, at("a@h", 300)), ErrOutOfOrder, "a@h 500"},
	{"but by another Call-ID", []Contact{at("a@h", 500)}, request("two", 1, at("a@h", 300)), nil, "a@h 300"},
	{"removed by a newer request", []Contact{at("a@h", 500)}, request("one", 6, at("a@h", 0)), nil, ""},
	{"not by the same CSeq", []Contact{at("a@h", 500)}, request("one", 5, at("a@h", 0)), ErrOutOfOrder, "a@h 500"},
	{"but by another Call-ID", []Contact{at("a@h", 500)}, request("two", 1, at("a@h", 0)), nil, ""},
	{"removing what is not bound", []Contact{at("a@h", 500)}, request("one", 5, at("b@h", 0)), nil, "a@h 500"},
	{"add, renew and remove at once", []Contact{at("a@h", 500), at("b@h", 400)},
		request("one", 6, at("a@h", 0), at("b@h", 300), at("c@h", 200)), nil, "b@h 300, c@h 200"},
	{"a contact that comes twice: the last counts", nil, request("one", 1, at("a@h", 500), at("a@h", 300)), nil, "a@h 300"},

	{"all or nothing: an old CSeq", []Contact{at("a@h", 500)}, request("one", 5, at("b@h", 400), at("a@h", 300)), ErrOutOfOrder, "a@h 500"},
	{"all or nothing: too brief", []Contact{at("a@h", 500)}, request("one", 6, at("a@h", 0), at("b@h", 1)), &TooBriefError{time.Minute}, "a@h 500"},
	{"all or nothing: no SIP URI", []Contact{at("a@h", 500)},
		request("one", 6, at("a@h", 0), Contact{URI: "tel:+4989", Expires: Unasked}), ErrBadContact, "a@h 500"},
	{"all or nothing: too many", []Contact{at("x@h", 500)}, request("one", 6, eleven()...), ErrTooMany, "x@h 500"},

	{"URIs are compared by their parts", []Contact{at("a@H.test;x=1", 500)}, request("one", 6, at("%61@h.test", 300)), nil, "%61@h.test 300"},
	{"the user by its case", []Contact{at("a@h", 500)}, request("one", 6, at("A@h", 300)), nil, "A@h 300, a@h 500"},
	{"and the transport", []Contact{at("a@h", 500)}, request("one", 6, at("a@h;transport=tcp", 300)), nil, "a@h 500, a@h;transport=tcp 300"},

	{"a flow takes its own place", []Contact{flow(at("a@h:1", 500), "<i>", "1")},
		request("two", 1, flow(at("a@h:2", 300), "<i>", "1")), nil, "a@h:2 300"},
	{"another flow of the device doesn't", []Contact{flow(at("a@h:1", 500), "<i>", "1")},
		request("two", 1, flow(at("a@h:2", 300), "<i>", "2")), nil, "a@h:1 500, a@h:2 300"},
	{"nor that of another device", []Contact{flow(at("a@h:1", 500), "<i>", "1")},
		request("two", 1, flow(at("a@h:2", 300), "<j>", "1")), nil, "a@h:1 500, a@h:2 300"},

	{"a script is no contact", nil, request("one", 1, Contact{URI: "javascript:alert(1)"}), ErrBadContact, ""},
	{"nor is what is too long", nil, request("one", 1, at(strings.Repeat("a", 600)+"@h", 500)), ErrBadContact, ""},
}

func TestSteps(t *testing.T) {
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			d := newDesk(t, &fault.Journal{}, start)
			if len(s.before) > 0 {
				d.mustRegister(request("one", 5, s.before...))
			}
			answer, err := d.register(s.req)
			if !errors.Is(err, s.err) && !reflect.DeepEqual(err, s.err) {
				t.Fatalf("error %v, want %v", err, s.err)
			}
			if err == nil && answer != s.after {
				t.Errorf("answer %q, want %q", answer, s.after)
			}
			if now := d.list(d.Lookup(alice)); now != s.after {
				t.Errorf("bound %q, want %q", now, s.after)
			}
			if n := d.journal.Len(); n != len(d.Lookup(alice)) {
				t.Errorf("%d records of %d bindings", n, len(d.Lookup(alice)))
			}
		})
	}
}

func TestTheIntervalGranted(t *testing.T) {
	for asked, want := range map[time.Duration][2]time.Duration{
		Unasked:             {48 * time.Minute, time.Hour},
		599 * time.Second:   {599 * time.Second, 599 * time.Second},
		30 * time.Minute:    {24 * time.Minute, 30 * time.Minute},
		30 * 24 * time.Hour: {19*time.Hour + 12*time.Minute, 24 * time.Hour},
	} {
		seen := map[time.Duration]bool{}
		for i := range 50 {
			d := newDesk(t, &fault.Journal{}, start.Add(time.Duration(i)*time.Second))
			d.mustRegister(request("one", 1, Contact{URI: "sip:a@h", Expires: asked}))
			got := d.Lookup(alice)[0].Until.Sub(d.now)
			if got < want[0] || got > want[1] || got%time.Second != 0 {
				t.Errorf("asked %v, granted %v, want from %v to %v", asked, got, want[0], want[1])
			}
			seen[got] = true
		}
		if spread := want[0] != want[1]; spread != (len(seen) > 1) {
			t.Errorf("asked %v: %d different intervals", asked, len(seen))
		}
	}
}

func TestALeastIntervalOverAnHourRefusesNoHour(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.Registrar = New(d, Options{Min: 2 * time.Hour})
	if _, err := d.register(request("one", 1, at("a@h", 3599))); err == nil {
		t.Error("under an hour was granted")
	}
	if _, err := d.register(request("one", 2, at("a@h", 3600))); err != nil {
		t.Error(err) // RFC 3261 §10.3 step 7: 423 only under an hour
	}
	if left := d.Lookup(alice)[0].Until.Sub(d.now); left > time.Hour {
		t.Errorf("granted %v, more than asked", left)
	}
}

func TestTenContactsCanBeRenewed(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.mustRegister(request("one", 1, eleven()[:10]...))
	if _, err := d.register(request("two", 1, eleven()[10])); !errors.Is(err, ErrTooMany) {
		t.Errorf("an eleventh contact: %v", err)
	}
	d.mustRegister(request("one", 2, eleven()[:10]...))
}

func TestABindingEndsWithItsTime(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.mustRegister(request("one", 1, at("a@h", 300), at("b@h", 400)))
	d.advance(299 * time.Second)
	if got := d.mustRegister(request("", 0)); got != "a@h 1, b@h 101" {
		t.Errorf("bound %q", got)
	}
	d.advance(time.Second)
	if got, told := d.list(d.Lookup(alice)), d.told(); got != "b@h 100" || told != "a@h terminated expired, b@h active registered" {
		t.Errorf("bound %q, told %q", got, told)
	}
	if d.journal.Len() != 1 {
		t.Errorf("%d records of one binding", d.journal.Len())
	}
	d.advance(time.Hour)
	if !d.owners.Next().IsZero() || d.journal.Len() != 0 || len(d.Lookup(alice)) != 0 {
		t.Error("something is left of what ended")
	}
}

func TestARenewedBindingKeepsItsIdentity(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.mustRegister(request("one", 1, at("a@h", 300)))
	first := d.Lookup(alice)[0]
	d.advance(200 * time.Second)
	d.mustRegister(request("one", 2, at("a@h", 300)))
	second := d.Lookup(alice)[0]
	if second.ID != first.ID || !second.Since.Equal(start) || d.told() != "a@h active refreshed" {
		t.Errorf("id %s then %s, since %v, told %q", first.ID, second.ID, second.Since, d.told())
	}
	d.advance(299 * time.Second)
	if len(d.Lookup(alice)) != 1 {
		t.Error("it ended by its first interval")
	}
	d.mustRegister(star(with(request("one", 3), 0)))
	if d.told() != "a@h terminated unregistered" {
		t.Errorf("told %q", d.told())
	}
	for _, in := range d.bag {
		if !in.Until.Equal(d.now.Add(time.Minute)) {
			t.Errorf("told until %v", in.Until)
		}
	}
	d.mustRegister(request("one", 4, at("a@h", 300)))
	if third := d.Lookup(alice)[0]; third.ID == first.ID || d.told() != "a@h active registered, a@h terminated unregistered" {
		t.Errorf("registered anew with id %s, told %q", third.ID, d.told())
	}
}

func TestComingAndGoingFillsNoBag(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	for i := range uint32(100) {
		d.mustRegister(request("one", 2*i+1, at(fmt.Sprintf("a@h:%d", i+1), 300)))
		d.mustRegister(request("one", 2*i+2, at(fmt.Sprintf("a@h:%d", i+1), 0)))
	}
	if len(d.bag) > 10 {
		t.Errorf("%d inputs of no binding", len(d.bag))
	}
}

// full has all that a binding keeps.
func full() Request {
	return Request{CallID: "one", CSeq: 7, Expires: Unasked, UserAgent: "Phone/1",
		Path:   []string{"<sip:p1.test;lr>", "<sip:p2.test;lr>"},
		Source: netip.MustParseAddrPort("192.0.2.7:40000"), Local: netip.MustParseAddrPort("[2001:db8::1]:5060"),
		Contacts: []Contact{{URI: "sip:a@10.0.0.1:5062;ob", DisplayName: "Alice", Expires: 500 * time.Second, Q: "0.7",
			Instance: `"<urn:uuid:1>"`, RegID: "1",
			Params: []reginfo.Param{{Name: "+sip.instance", Value: `"<urn:uuid:1>"`}, {Name: "reg-id", Value: "1"}, {Name: "audio"}}}}}
}

func TestABindingSurvivesARestart(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.mustRegister(full())
	before, input := d.Lookup(alice)[0], d.bag

	again := newDesk(t, d.journal, start.Add(100*time.Second))
	if len(again.Lookup(alice)) != 1 {
		t.Fatalf("%d bindings", len(again.Lookup(alice)))
	}
	after := again.Lookup(alice)[0]
	if !after.Since.Equal(before.Since) || !after.Until.Equal(before.Until) || !reflect.DeepEqual(text(before), text(after)) {
		t.Errorf("before %+v\nafter %+v", text(before), text(after))
	}
	if len(again.bag) != 1 || again.told() != d.told() {
		t.Errorf("entered %v, before %v", again.bag, input)
	}
	if _, err := again.register(full()); !errors.Is(err, ErrOutOfOrder) {
		t.Errorf("the same CSeq again: %v", err)
	}
	again.advance(400 * time.Second)
	if len(again.Lookup(alice)) != 0 || d.journal.Len() != 0 {
		t.Error("it did not end with its time")
	}
}

// text is all that can be printed of a binding, without its times.
func text(b Binding) string {
	b.Since, b.Until = time.Time{}, time.Time{}
	return fmt.Sprintf("%+v", b)
}

func TestWhatEndedWhileDownIsNotRevived(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.mustRegister(request("one", 1, at("a@h", 300), at("b@h", 500)))

	again := newDesk(t, d.journal, start.Add(300*time.Second))
	if got := again.list(again.Lookup(alice)); got != "b@h 200" || again.told() != "a@h terminated expired, b@h active registered" {
		t.Errorf("bound %q, told %q", got, again.told())
	}
	if d.journal.Len() != 1 {
		t.Errorf("%d records of one binding", d.journal.Len())
	}
	// Nor with a clock that went back.
	third := newDesk(t, d.journal, start)
	if got := third.list(third.Lookup(alice)); got != "b@h 500" {
		t.Errorf("bound %q", got)
	}
}

func TestAFailedCommitLeavesWhatIsStored(t *testing.T) {
	for written, want := range map[bool]string{false: "a@h 500", true: "b@h 400"} {
		d := newDesk(t, &fault.Journal{}, start)
		d.mustRegister(request("one", 1, at("a@h", 500)))
		d.journal.Fail(func(int) (bool, bool) { return true, written })
		if _, err := d.register(request("one", 2, at("a@h", 0), at("b@h", 400))); !errors.Is(err, errNotStored) {
			t.Fatalf("answered %v", err)
		}
		d.journal.Fail(nil)
		d.settle(d.now)
		if got := d.list(d.Lookup(alice)); got != want {
			t.Errorf("written %t: bound %q, want %q", written, got, want)
		}
		if active := strings.Count(d.told(), "active"); active != 1 {
			t.Errorf("written %t: told %q", written, d.told())
		}
		d.advance(time.Hour)
		if d.journal.Len() != 0 || len(d.Lookup(alice)) != 0 {
			t.Errorf("written %t: something is left", written)
		}
	}
}

func TestABrokenRecordIsAnError(t *testing.T) {
	d := newDesk(t, &fault.Journal{}, start)
	d.mustRegister(full())
	var value []byte
	_ = d.journal.Load(nil, func(r owner.Record) error { value = r.Value; return nil })
	for n := range len(value) {
		if err := restore(value[:n]); err == nil {
			t.Errorf("cut at %d: no error", n)
		}
	}
}

// restore reads one record in.
func restore(value []byte) error {
	j := &fault.Journal{}
	_ = j.Commit([]owner.Record{{Key: owner.Key(string(alice), KindBinding, "id"), Value: value}})
	d := &desk{bag: map[event.Key]event.Input{}}
	d.Registrar = New(d, Options{})
	return owner.New(j, d, owner.Options{Owners: 1}).Load(start)
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte{1, 3, 's', 'i', 'p'})
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, value []byte) { _ = restore(value) })
}
