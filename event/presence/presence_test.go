package presence

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
	"lamplight/event/eventtest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const alice event.AoR = "sip:alice@example.com"

func says(id string, s State, note string) event.Input {
	return published(id, Publication(string(alice), "t"+id, s, note, noon))
}

func published(id string, doc *pidf.Presence) event.Input {
	return event.Input{Key: event.Key{Event: "presence", Source: event.EPA, ID: id}, Made: noon, Doc: doc}
}

func read(t *testing.T, id, elements string) event.Input {
	t.Helper()
	doc, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" ` +
		`xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@example.com">` + elements + `</presence>`))
	if err != nil {
		t.Fatal(err)
	}
	return published(id, doc)
}

func calls(id string, dialogs ...dialoginfo.Dialog) event.Input {
	return event.Input{Key: event.Key{Event: "dialog", Source: event.EPA, ID: id}, Made: noon, Doc: &dialoginfo.Info{Dialogs: dialogs}}
}

func call(id, state, direction string) dialoginfo.Dialog {
	return dialoginfo.Dialog{ID: id, CallID: id, LocalTag: "l", RemoteTag: "r", State: state, Direction: direction}
}

func held(id string) dialoginfo.Dialog {
	d := call(id, dialoginfo.Confirmed, dialoginfo.Recipient)
	d.Local = dialoginfo.Party{Target: "sip:alice@192.0.2.1", Params: []dialoginfo.Param{{Name: "+sip.rendering", Value: "no"}}}
	return d
}

func binding(id, state string) event.Input {
	return event.Input{Key: event.Key{Event: "reg", Source: event.Registrar, ID: id}, Made: noon,
		Doc: &reginfo.Contact{ID: id, URI: "sip:alice@192.0.2.1", State: state, Event: "registered"}}
}

func compose(p Package, in ...event.Input) *pidf.Presence {
	doc, _ := p.Compose(alice, in, noon)
	return doc.(*pidf.Presence)
}

var office = Package{Registrar: true}

// The package is named presence [3856-6.1-1], its subscriptions last an hour
// [3856-6.4-1], and its documents are PIDF first of all [3856-6.5-1]
// [3856-6.5-2]. A view without rights can't be told from somebody who is
// offline [3856-6.6.2-5], and is a document all the same [3856-6.6.2-3].
func TestContract(t *testing.T) {
	const busy = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@example.test"><tuple id="a"><status><basic>open</basic></status></tuple>
 <dm:person id="p"><rpid:activities from="2026-11-24T11:00:00Z" until="2026-11-24T12:30:00Z"><rpid:busy/></rpid:activities></dm:person></presence>`
	eventtest.Run(t, office, busy, says("1", Away, "lunch"), says("2", OnHold, ""), binding("b", reginfo.Active))
	eventtest.Run(t, Package{}, busy, says("1", Offline, ""), calls("c", call("1", dialoginfo.Early, dialoginfo.Recipient)), calls("d", held("2")))
	if l := office.Lifetime(); office.Event() != "presence" || l.Default != time.Hour || office.Types()[0] != "application/pidf+xml" {
		t.Errorf("%s, %v, %v", office.Event(), l, office.Types())
	}
}

// State of several sources is aggregated [3856-6.9-1], and a registration is
// evidence of reachability [3856-7.2-2].
func TestTheStateThatSaysMostWins(t *testing.T) {
	early, confirmed := call("1", dialoginfo.Early, dialoginfo.Recipient), call("2", dialoginfo.Confirmed, dialoginfo.Recipient)
	dialling, over := call("3", dialoginfo.Early, dialoginfo.Initiator), call("4", dialoginfo.Terminated, dialoginfo.Recipient)
	registered, ended := binding("b", reginfo.Active), binding("e", reginfo.Terminated)
	hard := says("h", Available, "")
	hard.Source = event.Default
	for _, c := range []struct {
		name          string
		in            []event.Input
		want, without State // where the registrar is here, and where it isn't
	}{
		{"nothing", nil, Offline, Unknown},
		{"one device", []event.Input{says("1", Available, "")}, Available, Available},
		{"two devices", []event.Input{says("1", Available, ""), says("2", Busy, "")}, Busy, Busy},
		{"away and meeting", []event.Input{says("1", Away, ""), says("2", Meeting, "")}, Meeting, Meeting},
		{"meeting and on the phone", []event.Input{says("1", Meeting, ""), says("2", OnThePhone, "")}, OnThePhone, OnThePhone},
		{"do not disturb", []event.Input{says("1", DND, "")}, DND, DND},
		{"do not disturb and busy", []event.Input{says("1", DND, ""), says("2", Busy, "")}, DND, DND},
		{"out of office", []event.Input{says("1", OutOfOffice, "")}, OutOfOffice, OutOfOffice},
		{"signed off", []event.Input{says("1", Offline, "")}, Offline, Offline},
		{"signed off on one device", []event.Input{says("1", Offline, ""), says("2", Away, "")}, Away, Away},
		{"signed off and called", []event.Input{says("1", Offline, ""), calls("c", confirmed)}, OnThePhone, OnThePhone},
		{"registered", []event.Input{registered}, Available, Available},
		{"not any more", []event.Input{ended}, Offline, Unknown},
		{"registered with one device", []event.Input{ended, registered}, Available, Available},
		{"signed off and registered", []event.Input{says("1", Offline, ""), registered}, Offline, Offline},
		{"ringing", []event.Input{registered, calls("c", early)}, Ringing, Ringing},
		{"dialling", []event.Input{registered, calls("c", dialling)}, OnThePhone, OnThePhone},
		{"answered", []event.Input{registered, calls("c", confirmed)}, OnThePhone, OnThePhone},
		{"held", []event.Input{registered, calls("c", held("5"))}, OnHold, OnHold},
		{"held, and another rings", []event.Input{registered, calls("c", held("5"), early)}, Ringing, Ringing},
		{"held, and talking", []event.Input{registered, calls("c", held("5")), calls("d", confirmed)}, OnThePhone, OnThePhone},
		{"over", []event.Input{registered, calls("c", over)}, Available, Available},
		{"over, told late as ringing", []event.Input{registered, calls("c", over), calls("d", call("4", dialoginfo.Early, ""))}, Available, Available},
		{"available by hand and on the phone", []event.Input{says("1", Available, ""), calls("c", confirmed)}, OnThePhone, OnThePhone},
		{"do not disturb and on hold", []event.Input{says("1", DND, ""), calls("c", held("5"))}, DND, DND},
		{"on the phone at two sources", []event.Input{says("1", Ringing, ""), calls("c", confirmed)}, OnThePhone, OnThePhone},
		{"a call of somebody who cannot be reached", []event.Input{calls("c", confirmed)}, OnThePhone, OnThePhone},
		{"the end of a call of such", []event.Input{calls("c", over)}, Offline, Unknown},
		{"a default raises nobody", []event.Input{hard}, Offline, Unknown},
	} {
		for p, want := range map[Package]State{office: c.want, {}: c.without} {
			in := slices.Clone(c.in)
			if got, _, _ := StateOf(compose(p, in...)); got != want {
				t.Errorf("%s, registrar %v: %v, want %v", c.name, p.Registrar, got, want)
			}
			slices.Reverse(in)
			if got, _, _ := StateOf(compose(p, in...)); got != want {
				t.Errorf("%s, registrar %v, in the other order: %v, want %v", c.name, p.Registrar, got, want)
			}
		}
	}
}

// A call that nobody has spoken for is told as an unknown activity (RFC 4480 §3.2),
// unless another source says more; a phone that publishes it takes the doubt away.
func TestACallInDoubt(t *testing.T) {
	doubtful := call("1", dialoginfo.Confirmed, dialoginfo.Recipient)
	doubtful.Doubtful = true
	seen := calls("seen", doubtful)
	seen.Source = event.Call
	for _, c := range []struct {
		in   []event.Input
		want State
	}{
		{[]event.Input{seen, binding("b", reginfo.Active)}, InDoubt},
		{[]event.Input{seen, says("1", Available, "")}, InDoubt},
		{[]event.Input{seen, says("1", Meeting, "")}, Meeting},
		{[]event.Input{seen, binding("b", reginfo.Active), calls("2", call("1", dialoginfo.Confirmed, dialoginfo.Recipient))}, OnThePhone},
		{[]event.Input{seen, binding("b", reginfo.Active), calls("2", call("2", dialoginfo.Early, dialoginfo.Recipient))}, Ringing},
		{[]event.Input{seen}, Offline},
	} {
		doc := compose(office, c.in...)
		if got, _, _ := StateOf(doc); got != c.want {
			t.Errorf("%v, want %v in\n%s", got, c.want, doc.Append(nil))
		}
		if c.want == InDoubt && !slices.Contains(doc.Persons[0].Activities, "unknown") {
			t.Errorf("no unknown activity in\n%s", doc.Append(nil))
		}
	}
}

// What one source says of the state and another of the notes is told at the
// other end as the table has it, for every two states.
func TestEveryTwoStatesCompose(t *testing.T) {
	for a := DND; a <= Offline; a++ {
		for b := a; b <= Offline; b++ {
			doc := compose(office, says("1", a, ""), says("2", b, ""))
			if got, _, _ := StateOf(doc); got != a {
				t.Errorf("%v and %v are %v in\n%s", a, b, got, doc.Append(nil))
			}
			if doc.Notes[0].Text != looks[a].note {
				t.Errorf("%v and %v have the headline %q", a, b, doc.Notes[0].Text)
			}
		}
	}
}

func TestWhatIsPublishedCanBeReadAtTheOtherEnd(t *testing.T) {
	for s := DND; s <= Unknown; s++ {
		body, err := office.Encode(string(alice), compose(office, says("1", s, "back at four")), event.Format{})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := office.Parse(pidf.Type, body.Head)
		if err != nil {
			t.Fatalf("%v in %s", err, body.Head)
		}
		got, note, since := StateOf(doc.(*pidf.Presence))
		if got != s || note != "back at four" || !since.Equal(noon) {
			t.Errorf("%v: got %v, %q, %v in\n%s", s, got, note, since, body.Head)
		}
		if w, ok := ParseState(s.String()); s != InDoubt && (!ok || w != s) {
			t.Errorf("%v is not read back", s)
		}
	}
}

// Each is what a product in use prints, cut to what matters.
func TestDocumentsOfOthers(t *testing.T) {
	open := `<tuple id="a"><status><basic>open</basic></status></tuple>`
	activity := func(a string) string {
		return `<dm:person id="p"><rpid:activities><rpid:` + a + `/></rpid:activities></dm:person>`
	}
	for elements, want := range map[string]State{
		`<note>Ready</note>` + open + `<dm:person/>`:                          Available,
		`<note>Ringing</note>` + open + activity("on-the-phone"):              Ringing,
		`<note>On hold</note>` + open + activity("on-the-phone"):              OnHold,
		`<note>On the phone</note>` + open + activity("busy"):                 OnThePhone,
		open + `<dm:person id="p"><dm:note>Available</dm:note></dm:person>`:   Available,
		open + activity("unknown"):                                            Available,
		open + activity("lunch"):                                              Away,
		open + activity("busy") + `<note>gone fishing</note>`:                 Busy,
		`<tuple id="a"><status/></tuple>` + activity("busy"):                  Busy,
		activity("meeting"):                                                   Meeting,
		`<tuple id="a"><status><basic>closed</basic></status></tuple>`:        Offline,
		`<tuple id="a"><status/></tuple><tuple id="b"><status/></tuple>`:      Unknown,
		open + `<tuple id="c"><status><basic>closed</basic></status></tuple>`: Available,
	} {
		doc := compose(office, read(t, "1", elements))
		if got, _, _ := StateOf(doc); got != want {
			t.Errorf("%s is %v, want %v:\n%s", elements, got, want, doc.Append(nil))
		}
	}
}

// Published documents are merged tuple by tuple [3856-7.3-1]; what one of them
// leaves out when it is modified is gone [3903-10.4-1].
func TestTuplesAreUnited(t *testing.T) {
	desk := read(t, "1", `<tuple id="a"><status><basic>closed</basic></status><contact>sip:alice@192.0.2.1</contact></tuple>`+
		`<tuple id="b"><status><basic>open</basic></status></tuple>`)
	soft := read(t, "2", `<tuple id="a"><status><basic>open</basic></status><x:cap xmlns:x="urn:x">video</x:cap></tuple>`)
	doc := compose(office, desk, soft)
	text := string(doc.Append(nil))
	ids := map[string]bool{}
	for _, tuple := range doc.Tuples {
		ids[tuple.ID] = true
	}
	if len(doc.Tuples) != 3 || len(ids) != 3 || doc.Tuples[0].Basic != "open" || !strings.Contains(text, "video") || !strings.Contains(text, "192.0.2.1") {
		t.Errorf("united\n%s", text)
	}
	modified := read(t, "1", `<tuple id="b"><status><basic>open</basic></status></tuple>`)
	if doc := compose(office, modified, soft); len(doc.Tuples) != 2 {
		t.Errorf("after the modification\n%s", doc.Append(nil))
	}
}

func TestIdentifiers(t *testing.T) {
	doc := compose(office, read(t, "secret-tag", `<tuple id="a"/><tuple id="a"/><tuple/><tuple id="person"/><tuple id="4 &amp; 5"/><tuple id="7"/>`),
		read(t, "2", `<tuple id="a"/><dm:person id="a"><dm:note>x</dm:note></dm:person>`))
	seen := map[string]bool{personID: true}
	for _, tuple := range doc.Tuples {
		if id := tuple.ID; seen[id] || id == "" || strings.ContainsAny(id, " &") || strings.ContainsAny(id[:1], "0123456789") {
			t.Errorf("id %q", id)
		}
		seen[tuple.ID] = true
	}
	if len(doc.Tuples) != 7 || strings.Contains(string(doc.Append(nil)), "secret-tag") {
		t.Errorf("document\n%s", doc.Append(nil))
	}
}

// A registration is shown as the address-of-record: the device's own address is
// nobody's business.
func TestARegistrationIsOneTuple(t *testing.T) {
	doc := compose(office, binding("1", reginfo.Active), binding("2", reginfo.Active))
	if len(doc.Tuples) != 1 || doc.Tuples[0].Contact != string(alice) || strings.Contains(string(doc.Append(nil)), "192.0.2.1") {
		t.Errorf("registered\n%s", doc.Append(nil))
	}
	if doc := compose(office, binding("1", reginfo.Active), says("1", Available, "")); len(doc.Tuples) != 1 || doc.Tuples[0].ID != "t1" {
		t.Errorf("registered and published\n%s", doc.Append(nil))
	}
}

// Who is reached by waking a device alone is away, unless something says more.
func TestWhoSleepsIsAway(t *testing.T) {
	asleep := binding("1", reginfo.Active)
	asleep.Doc.(*reginfo.Contact).Asleep = true
	for _, c := range []struct {
		in   []event.Input
		want State
	}{
		{[]event.Input{asleep}, Away},
		{[]event.Input{asleep, binding("2", reginfo.Active)}, Available},
		{[]event.Input{asleep, binding("2", reginfo.Terminated)}, Away},
		{[]event.Input{asleep, says("1", Available, "")}, Available},
	} {
		if got, _, _ := StateOf(compose(office, c.in...)); got != c.want {
			t.Errorf("%v is %v, want %v", c.in, got, c.want)
		}
	}
}

// Phones compare some of it as text.
func TestTheDocumentAsPhonesReadIt(t *testing.T) {
	doc := compose(office, says("1", DND, "until four"), calls("c", call("1", dialoginfo.Confirmed, "")))
	body, _ := office.Encode("sip:1001@example.com", doc, event.Format{})
	text := string(body.Head)
	last := 0
	for _, want := range []string{`entity="sip:1001@example.com"`, "<tuple ", "<basic>open</basic>", `<note xml:lang="en">Do not disturb</note>`,
		"<dm:person ", "<rpid:activities><rpid:busy/><rpid:on-the-phone/></rpid:activities>", "<dm:note>until four</dm:note>"} {
		at := strings.Index(text, want)
		if at < last {
			t.Errorf("%s is not in its place in\n%s", want, text)
		}
		last = max(last, at)
	}
}

func TestActivitiesAreASet(t *testing.T) {
	for _, in := range [][]event.Input{{says("1", Meeting, ""), says("2", Away, "")}, {says("1", Away, ""), says("2", Meeting, "")}} {
		if got := compose(office, in...).Persons[0].Activities; !slices.Equal(got, []string{"away", "meeting"}) {
			t.Errorf("activities %v", got)
		}
	}
	signedOff := read(t, "1", `<tuple id="a"><status><basic>closed</basic></status></tuple><dm:person id="p"><rpid:activities><rpid:busy/></rpid:activities></dm:person>`)
	if text := string(compose(office, signedOff).Append(nil)); strings.Contains(text, "busy") {
		t.Errorf("nobody who cannot be reached is busy:\n%s", text)
	}
}

// A device that forgot what it had published, and published again, isn't two.
func TestTheNewestTimestampOfADeviceWins(t *testing.T) {
	say := func(id string, s State, at time.Time) event.Input {
		return published(id, Publication(string(alice), "desk", s, "", at))
	}
	before, after := say("9", Busy, noon.Add(-time.Minute)), say("1", Available, noon)
	for _, in := range [][]event.Input{{before, after}, {after, before}} {
		doc := compose(office, in...)
		if got, _, _ := StateOf(doc); got != Available || len(doc.Tuples) != 1 {
			t.Errorf("%v of\n%s", got, doc.Append(nil))
		}
	}
	late := before
	late.Made = noon.Add(time.Hour) // it only came late
	if got, _, _ := StateOf(compose(office, late, after)); got != Available {
		t.Errorf("%v after a document that came late", got)
	}
	if got, _, _ := StateOf(compose(office, say("1", Available, noon), say("2", Busy, noon))); got != Busy {
		t.Errorf("%v of two with one timestamp", got)
	}
	if got, _, _ := StateOf(compose(office, before, says("1", Available, ""))); got != Busy {
		t.Errorf("%v of two devices", got)
	}
}

func TestActivitiesHoldWithinTheirTime(t *testing.T) {
	in := read(t, "1", `<tuple id="a"><status><basic>open</basic></status></tuple><dm:person id="p">`+
		`<rpid:activities from="2026-11-24T12:10:00Z" until="2026-11-24T13:00:00Z"><rpid:meeting/></rpid:activities></dm:person>`)
	for _, c := range []struct {
		at, next time.Duration
		want     State
	}{{0, 10 * time.Minute, Available}, {10 * time.Minute, time.Hour, Meeting}, {time.Hour, 0, Available}} {
		doc, next := office.Compose(alice, []event.Input{in}, noon.Add(c.at))
		if s, _, _ := StateOf(doc.(*pidf.Presence)); s != c.want || c.next != 0 && !next.Equal(noon.Add(c.next)) || c.next == 0 && !next.IsZero() {
			t.Errorf("at %v: %v, next %v", c.at, s, next)
		}
	}
}

func TestAnInputCountsWithinItsTime(t *testing.T) {
	in := says("1", Busy, "")
	in.From, in.Until = noon.Add(time.Minute), noon.Add(time.Hour)
	doc, next := office.Compose(alice, []event.Input{in}, noon)
	if s, _, _ := StateOf(doc.(*pidf.Presence)); s != Offline || !next.Equal(in.From) {
		t.Errorf("before: %v, next %v", s, next)
	}
	doc, next = office.Compose(alice, []event.Input{in}, in.From)
	if s, _, _ := StateOf(doc.(*pidf.Presence)); s != Busy || !next.Equal(in.Until) {
		t.Errorf("within: %v, next %v", s, next)
	}
}

func TestAViewWithholds(t *testing.T) {
	doc := compose(office, says("1", Busy, "secret"))
	for r, want := range map[event.Rights]State{event.RightsAll: Busy, RightsBasic: Available, "": Offline, "other": Offline} {
		got, note, _ := StateOf(office.View(doc, r).(*pidf.Presence))
		if got != want || (note == "secret") != (r == event.RightsAll) {
			t.Errorf("%q: %v, %q", r, got, note)
		}
	}
	if got, _, _ := StateOf((Package{}).View(compose(Package{}, says("1", Offline, "")), RightsBasic).(*pidf.Presence)); got != Offline {
		t.Errorf("basic of somebody who signed off: %v", got)
	}
}

func TestWhatIsUrgent(t *testing.T) {
	at := func(s State) event.Document { return compose(office, says("1", s, "")) }
	for _, c := range []struct {
		before, after State
		want          bool
	}{
		{Available, Ringing, true}, {Ringing, OnThePhone, true}, {OnThePhone, OnHold, true}, {OnHold, Available, true},
		{OnThePhone, Offline, true}, {Available, Busy, false}, {Away, Offline, false}, {OnThePhone, OnThePhone, false},
	} {
		if got := office.Urgent(at(c.before), at(c.after)); got != c.want {
			t.Errorf("%v to %v: %v", c.before, c.after, got)
		}
	}
	undisturbed := compose(office, says("1", Available, ""), dnd(0))
	talking := compose(office, says("1", Available, ""), dnd(0), calls("c", call("1", dialoginfo.Confirmed, dialoginfo.Recipient)))
	if !office.Urgent(undisturbed, talking) || !office.Urgent(talking, undisturbed) {
		t.Error("a call of somebody who does not want to be disturbed can wait")
	}
}

func TestADocumentIsBounded(t *testing.T) {
	var in []event.Input
	for i := range 100 {
		in = append(in, read(t, string(rune('A'+i)), `<tuple id="t`+string(rune('A'+i%26))+`"><status><basic>open</basic></status></tuple>`+
			`<x:e xmlns:x="urn:x`+strings.Repeat("x", i)+`"/><note>`+strings.Repeat("n", i+1)+`</note>`))
	}
	doc := compose(office, in...)
	if len(doc.Tuples) != maxTuples || len(doc.Elements) != maxOthers || len(doc.Persons[0].Notes) != maxOthers {
		t.Errorf("%d tuples, %d elements, %d notes", len(doc.Tuples), len(doc.Elements), len(doc.Persons[0].Notes))
	}
}
