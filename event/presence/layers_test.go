package presence

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// by makes an input that is no publication: the user's, a calendar's, the default.
func by(source event.Source, id string, until time.Duration, person pidf.Person) event.Input {
	in := event.Input{Key: event.Key{Event: "presence", Source: source, ID: id}, Made: noon,
		Doc: &pidf.Presence{Entity: string(alice), Persons: []pidf.Person{person}}}
	if until != 0 {
		in.Until = noon.Add(until)
	}
	return in
}

func dnd(until time.Duration) event.Input {
	return by(event.User, "dnd", until, pidf.Person{ID: "dnd", DND: true})
}

func chose(s State, until time.Duration) event.Input {
	person := pidf.Person{ID: "manual", Manual: true}
	if a := s.look().activity; a != "" {
		person.Activities = []string{a}
	}
	return by(event.User, "manual", until, person)
}

func meets(activities ...string) event.Input {
	return by(event.Calendar, "c", time.Hour, pidf.Person{ID: "c", Activities: activities})
}

func hard(id string, s State) event.Input {
	in := says(id, s, "")
	in.Source = event.Default
	return in
}

func TestLayers(t *testing.T) {
	desk := binding("b", reginfo.Active)
	asleep := binding("s", reginfo.Active)
	asleep.Doc.(*reginfo.Contact).Asleep = true
	talks := calls("c", call("1", dialoginfo.Confirmed, dialoginfo.Recipient))
	doubtful := call("1", dialoginfo.Confirmed, dialoginfo.Recipient)
	doubtful.Doubtful = true
	doubt := calls("c", doubtful)
	idle := read(t, "i", `<tuple id="i"><status><basic>open</basic></status></tuple><dm:device id="pc"><rpid:user-input last-input="2026-11-24T11:00:00Z">idle</rpid:user-input></dm:device>`)
	active := read(t, "0", `<tuple id="u"><status><basic>open</basic></status><rpid:user-input>active</rpid:user-input></tuple>`)
	manual := read(t, "m", `<tuple id="m"><status><basic>open</basic></status></tuple><dm:person id="m"><rpid:activities><rpid:away/></rpid:activities><manual xmlns="urn:lamplight:presence"/></dm:person>`)
	cisco := read(t, "x", `<tuple id="x"><status><basic>open</basic></status></tuple><dm:person id="x"><rpid:activities><ce:dnd xmlns:ce="urn:cisco:params:xml:ns:pidf:rpid"/></rpid:activities></dm:person>`)
	for _, c := range []struct {
		name       string
		in         []event.Input
		want       State
		activities string
		won        Layer
	}{
		{"do not disturb above a call", []event.Input{desk, dnd(0), talks}, DND, "busy on-the-phone", Override},
		{"in Cisco's words", []event.Input{cisco, talks}, DND, "busy on-the-phone", Override},
		{"of whom nobody can reach", []event.Input{dnd(0)}, DND, "busy", Override},
		{"taken off, with no device there", []event.Input{}, Offline, "", Reachability},
		{"a status with an end above a call", []event.Input{desk, chose(Away, time.Hour), talks}, Away, "away on-the-phone", Override},
		{"do not disturb above such a status", []event.Input{desk, chose(Away, time.Hour), dnd(0)}, DND, "away busy", Override},
		{"a call above a status", []event.Input{desk, chose(Away, 0), talks}, OnThePhone, "away on-the-phone", Calls},
		{"available until a time, and a call", []event.Input{desk, chose(Available, time.Hour), talks}, OnThePhone, "on-the-phone", Calls},
		{"available by hand, and a call", []event.Input{desk, chose(Available, 0), talks}, OnThePhone, "on-the-phone", Calls},
		{"a status above a calendar", []event.Input{desk, chose(Busy, 0), meets("meeting")}, Busy, "busy meeting", Manual},
		{"a published one", []event.Input{manual, meets("meeting")}, Away, "away meeting", Manual},
		{"available by hand above calendar and device", []event.Input{says("1", Away, ""), chose(Available, 0), meets("meeting")}, Available, "", Manual},
		{"available by hand, and a call in doubt", []event.Input{desk, chose(Available, 0), doubt}, InDoubt, "unknown", Calls},
		{"a status, and a call in doubt", []event.Input{desk, chose(Busy, 0), doubt}, Busy, "busy", Manual},
		{"available by hand of whom nobody can reach", []event.Input{chose(Available, 0)}, Offline, "", Reachability},
		{"of whom a push reaches", []event.Input{asleep, chose(Available, 0)}, Available, "", Manual},
		{"out of office of whom nobody can reach", []event.Input{chose(OutOfOffice, 0)}, OutOfOffice, "vacation", Manual},
		{"a calendar above devices", []event.Input{says("1", Busy, ""), meets("meeting")}, Meeting, "busy meeting", Meetings},
		{"a calendar that says no more than busy", []event.Input{desk, meets()}, Meeting, "meeting", Meetings},
		{"a calendar with a holiday", []event.Input{desk, meets("vacation")}, OutOfOffice, "vacation", Meetings},
		{"a device above being there", []event.Input{desk, says("1", Away, "")}, Away, "away", Activity},
		{"chosen for another time", []event.Input{read(t, "o", `<tuple id="o"><status><basic>open</basic></status></tuple><dm:person id="o"><rpid:activities from="2026-11-24T14:00:00Z"><rpid:away/></rpid:activities><manual xmlns="urn:lamplight:presence"/></dm:person>`), meets("meeting")}, Meeting, "meeting", Meetings},
		{"nothing is in use", []event.Input{desk, idle}, Away, "away", Activity},
		{"something is in use", []event.Input{idle, active}, Available, "", Reachability},
		{"hard state where nothing is published", []event.Input{desk, hard("hard", Busy)}, Busy, "busy", Fallback},
		{"hard state above sleeping", []event.Input{asleep, hard("hard", Busy)}, Busy, "busy sleeping", Fallback},
		{"hard state beside a publication", []event.Input{says("1", Available, ""), hard("hard", Busy)}, Available, "", Reachability},
		{"do not disturb by hard state is none", []event.Input{says("1", Available, ""), by(event.Default, "hard", 0, pidf.Person{ID: "p", DND: true}), talks}, DND, "busy on-the-phone", Override},
		{"nor is what was chosen by it", []event.Input{says("1", Away, ""), by(event.Default, "hard", 0, pidf.Person{ID: "p", Manual: true, Activities: []string{"vacation"}})}, OutOfOffice, "away vacation", Manual},
		{"hard state is the user's first", []event.Input{desk, hard("hard", Away), hard("other", Busy)}, Away, "away", Fallback},
		{"another's hard state", []event.Input{desk, hard("other", Busy)}, Busy, "busy", Fallback},
		{"hard state raises nobody", []event.Input{hard("hard", Available)}, Offline, "", Reachability},
		{"hard state that closes", []event.Input{desk, hard("hard", Offline)}, Offline, "", Reachability},
		{"signed off, in a meeting", []event.Input{says("1", Offline, ""), meets("meeting")}, Meeting, "meeting", Meetings},
		{"a device that signed off says nothing", []event.Input{read(t, "z", `<tuple id="z"><status><basic>closed</basic></status></tuple><dm:person id="z"><rpid:activities><rpid:busy/></rpid:activities><dnd xmlns="urn:lamplight:presence"/></dm:person>`)}, Offline, "", Reachability},
	} {
		doc := compose(office, c.in...)
		if got, _, _ := StateOf(doc); got != c.want || activities(doc) != c.activities {
			t.Errorf("%s: %v (%s), want %v (%s) in\n%s", c.name, got, activities(doc), c.want, c.activities, doc.Append(nil))
		}
		if reachable := basic(doc.Tuples) == Available; !reachable && c.want == Available {
			t.Errorf("%s: available, and not reachable", c.name)
		}
		k := office.gather(alice, c.in, noon)
		says := k.join(&pidf.Presence{}, true)
		if _, won := says.decide(); won != c.won {
			t.Errorf("%s: %v won, want %v", c.name, won, c.won)
		}
	}
}

// defaults are those of a domain.
type defaults struct{ state State }

func (d defaults) Default(event.AoR) *pidf.Presence {
	return Publication("", "", d.state, "ask the front desk", time.Time{})
}

// A domain's default is shown of who is registered, where nothing else is said, and
// makes nobody else than nobody.
func TestADomainsDefault(t *testing.T) {
	with := Package{Registrar: true, Defaults: defaults{Away}}
	desk := binding("b", reginfo.Active)
	for _, c := range []struct {
		in   []event.Input
		want State
		note string
	}{
		{[]event.Input{desk}, Away, "ask the front desk"},
		{[]event.Input{desk, chose(Busy, 0)}, Busy, "ask the front desk"},
		{[]event.Input{desk, hard("hard", Meeting)}, Meeting, ""},
		{[]event.Input{desk, says("1", Available, "")}, Available, ""},
		{nil, Offline, ""},
	} {
		doc := compose(with, c.in...)
		got, note, _ := StateOf(doc)
		if e := with.Explain(alice, c.in, noon); got != c.want || note != c.note || e.State != got.Token() {
			t.Errorf("%v, %q, explained as %+v, want %v in\n%s", got, note, e, c.want, doc.Append(nil))
		}
		if len(c.in) == 0 && !slices.Equal(doc.Append(nil), compose(office).Append(nil)) {
			t.Errorf("nobody is\n%s", doc.Append(nil))
		}
	}
	if e := with.Explain(alice, []event.Input{desk}, noon); len(e.Inputs) != 2 || e.Inputs[1].ID != "domain" || !e.Inputs[1].Counts {
		t.Errorf("%+v", e)
	}
}

func activities(doc *pidf.Presence) string {
	var list []string
	for _, p := range doc.Persons {
		list = append(list, p.Activities...)
		for _, t := range p.Timed {
			list = append(list, t.Activities...)
		}
	}
	return strings.Join(list, " ")
}

// What has an end ends then, whatever says so, and what counts until then says
// until when.
func TestALayerEnds(t *testing.T) {
	open := `<tuple id="a"><status><basic>open</basic></status></tuple>`
	person := func(elements string) event.Input {
		return read(t, "1", open+`<dm:person id="p">`+elements+`</dm:person>`)
	}
	for name, in := range map[string]event.Input{
		"a user's":                dnd(time.Hour),
		"a status":                chose(Away, time.Hour),
		"a meeting":               meets("meeting"),
		"a published dnd":         person(`<rpid:activities><rpid:busy/></rpid:activities><dnd xmlns="urn:lamplight:presence" until="2026-11-24T13:00:00Z"/><dm:note>Do not disturb</dm:note>`),
		"a published status":      person(`<rpid:activities><rpid:busy/></rpid:activities><manual xmlns="urn:lamplight:presence" until="2026-11-24T13:00:00Z"/>`),
		"a status for an hour":    person(`<rpid:activities until="2026-11-24T13:00:00Z"><rpid:busy/></rpid:activities><manual xmlns="urn:lamplight:presence"/>`),
		"activities for an hour":  person(`<rpid:activities until="2026-11-24T13:00:00Z"><rpid:lunch/><rpid:note>noodles</rpid:note></rpid:activities>`),
		"a service that is shut":  read(t, "1", `<tuple id="a"><status><basic>open</basic></status><t:timed-status xmlns:t="urn:ietf:params:xml:ns:pidf:timed-status" from="2026-11-24T11:00:00Z" until="2026-11-24T13:00:00Z"><t:basic>closed</t:basic></t:timed-status></tuple>`),
		"an element for an hour":  person(`<rpid:mood until="2026-11-24T13:00:00Z"><rpid:angry/></rpid:mood>`),
		"a location for an hour":  person(`<x:l xmlns:x="urn:x" until="2026-11-24T13:00:00Z"><g:geopriv xmlns:g="urn:ietf:params:xml:ns:pidf:geopriv10"/></x:l>`),
		"an hour that has passed": person(`<rpid:activities from="2026-11-24T10:00:00Z" until="2026-11-24T13:00:00Z"><rpid:busy/></rpid:activities>`),
	} {
		all := []event.Input{binding("b", reginfo.Active), in}
		before, next := office.Compose(alice, all, noon)
		if !next.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s: the next change is at %v", name, next)
		}
		still, _ := office.Compose(alice, all, next.Add(-time.Second))
		after, last := office.Compose(alice, all, next)
		a, b, c := string(before.(*pidf.Presence).Append(nil)), string(still.(*pidf.Presence).Append(nil)), string(after.(*pidf.Presence).Append(nil))
		s, _, _ := StateOf(after.(*pidf.Presence))
		if a != b || a == c || s != Available || !last.IsZero() {
			t.Errorf("%s: %v, next %v\n%s\nthen\n%s", name, s, last, a, c)
		}
		if activities(before.(*pidf.Presence)) != "" && !strings.Contains(a, `until="2026-11-24T13:00:00Z"`) {
			t.Errorf("%s doesn't say until when:\n%s", name, a)
		}
	}
}

// What the one wrote who chose the headline is read first, though another wrote
// later; and what is to come of a service is passed on until it comes.
func TestTheHeadlinesNoteIsFirst(t *testing.T) {
	said := by(event.User, "dnd", 0, pidf.Person{ID: "dnd", DND: true, Notes: []pidf.Note{{Text: "writing"}}, Timestamp: noon.Add(-time.Hour)})
	if s, note, _ := StateOf(compose(office, says("1", Away, "at the desk"), said)); s != DND || note != "writing" {
		t.Errorf("%v, %q", s, note)
	}
	coming := read(t, "1", `<tuple id="a"><status><basic>open</basic></status><t:timed-status xmlns:t="urn:ietf:params:xml:ns:pidf:timed-status" from="2026-11-24T13:00:00Z"><t:note>on the train</t:note></t:timed-status></tuple>`)
	before, next := office.Compose(alice, []event.Input{coming}, noon)
	after, _ := office.Compose(alice, []event.Input{coming}, next)
	a, b := string(before.(*pidf.Presence).Append(nil)), string(after.(*pidf.Presence).Append(nil))
	if !strings.Contains(a, `from="2026-11-24T13:00:00Z"`) || strings.Contains(b, "timed-status") || !strings.Contains(b, "<note>on the train</note>") {
		t.Errorf("before\n%s\nand after %v\n%s", a, next, b)
	}
}

// Of what there is one of, the newest counts by its own timestamp, and never by
// when it came; all that is not known survives.
func TestOneDocument(t *testing.T) {
	old := read(t, "9", `<tuple id="a"><status><basic>open</basic></status><c:servcaps xmlns:c="urn:ietf:params:xml:ns:pidf:caps"/><timestamp>2026-11-24T11:00:00Z</timestamp></tuple>`+
		`<dm:person id="p"><rpid:mood><rpid:sad/></rpid:mood><rpid:sphere>home</rpid:sphere><x:shoe xmlns:x="urn:x">42</x:shoe><c:card xmlns:c="urn:ietf:params:xml:ns:pidf:cipid">https://example.com/old</c:card><g:geopriv xmlns:g="urn:ietf:params:xml:ns:pidf:geopriv10">old</g:geopriv><dm:timestamp>2026-11-24T11:00:00Z</dm:timestamp></dm:person>`+
		`<dm:device id="d"><dm:deviceID>urn:device:1</dm:deviceID><dm:note>old</dm:note><dm:timestamp>2026-11-24T11:00:00Z</dm:timestamp></dm:device>`)
	young := read(t, "1", `<tuple id="a"><status><basic>open</basic></status><contact>sip:pc</contact><timestamp>2026-11-24T11:30:00Z</timestamp></tuple>`+
		`<dm:person id="p"><rpid:mood><rpid:happy/></rpid:mood><x:shoe xmlns:x="urn:x">43</x:shoe><c:card xmlns:c="urn:ietf:params:xml:ns:pidf:cipid">https://example.com/new</c:card><g:geopriv xmlns:g="urn:ietf:params:xml:ns:pidf:geopriv10">new</g:geopriv><dm:timestamp>2026-11-24T11:30:00Z</dm:timestamp></dm:person>`+
		`<dm:device id="d"><dm:deviceID>urn:device:1</dm:deviceID><dm:note>new</dm:note><dm:timestamp>2026-11-24T11:30:00Z</dm:timestamp></dm:device><dm:device id="a"><dm:deviceID>urn:device:2</dm:deviceID></dm:device>`)
	for _, came := range []time.Duration{-time.Hour, time.Hour} {
		old.Made = noon.Add(came)
		text := string(compose(office, old, young).Append(nil))
		for _, want := range []string{"<rpid:happy/>", "home", "43", "42", "card xmlns:c=\"urn:ietf:params:xml:ns:pidf:cipid\">https://example.com/new", ">new</g:geopriv>", "<dm:note>new</dm:note>", "servcaps", "11:00:00Z</timestamp>", "11:30:00Z</timestamp>", "urn:device:2"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not in\n%s", want, text)
			}
		}
		for _, no := range []string{"<rpid:sad/>", "example.com/old", ">old<"} {
			if strings.Contains(text, no) {
				t.Errorf("%s is in\n%s", no, text)
			}
		}
		if strings.Count(text, "<dm:device ") != 2 || strings.Count(text, "<dm:person ") != 1 || strings.Count(text, `id="a"`) != 1 {
			t.Errorf("ids, devices and persons of\n%s", text)
		}
	}
}

// The order of the inputs never matters.
func TestOrderNeverMatters(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var in []event.Input
		for i := range 2 + r.IntN(9) {
			in = append(in, anything(r, fmt.Sprint(i)))
		}
		doc, next := office.Compose(alice, in, noon)
		want := string(doc.(*pidf.Presence).Append(nil))
		for range 5 {
			r.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
			doc, again := office.Compose(alice, in, noon)
			if got := string(doc.(*pidf.Presence).Append(nil)); got != want || !again.Equal(next) {
				t.Fatalf("seed %d: in one order %v\n%s\nin another %v\n%s", seed, next, want, again, got)
			}
		}
		s, _, _ := StateOf(doc.(*pidf.Presence))
		if e := office.Explain(alice, in, noon); e.State != s.Token() || !e.Next.Equal(next) || len(e.Inputs) != len(in) {
			t.Fatalf("seed %d: explained as %+v, and it is %v, next %v\n%s", seed, e, s, next, want)
		}
		if s == Available && basic(doc.(*pidf.Presence).Tuples) != Available {
			t.Fatalf("seed %d: available, and not reachable\n%s", seed, want)
		}
	}
}

// anything is an input of any kind.
func anything(r *rand.Rand, id string) event.Input {
	state := State(1 + r.IntN(int(Unknown)))
	at := noon.Add(time.Duration(r.IntN(5)-2) * time.Minute)
	person := pidf.Person{ID: "p", Timestamp: at, Elements: []pidf.Element{{Space: pidf.RPID, Local: "mood", Raw: "<m>" + id + "</m>"}},
		Notes: []pidf.Note{{Text: "note " + id}}, Timed: []pidf.Timed{{From: at, Until: at.Add(3 * time.Minute), Activities: []string{"lunch"}}}}
	switch r.IntN(8) {
	case 0:
		return binding(id, reginfo.Active)
	case 1:
		return calls(id, call(fmt.Sprint(r.IntN(2)), []string{"early", "confirmed", "terminated"}[r.IntN(3)], dialoginfo.Recipient))
	case 2:
		in := dnd(time.Duration(r.IntN(3)) * time.Hour)
		in.ID += id
		return in
	case 3:
		in := chose(state, time.Duration(r.IntN(3))*time.Hour)
		in.ID += id
		return in
	case 4:
		return by(event.Calendar, id, time.Hour, person)
	case 5:
		return hard(id, state)
	case 6:
		return published(id, &pidf.Presence{Persons: []pidf.Person{person}, Devices: []pidf.Device{{ID: "d", DeviceID: fmt.Sprint("urn:", r.IntN(2)), Timestamp: at, UserInput: pidf.UserInput{State: "idle", LastInput: at}}}})
	}
	return published(id, Publication(string(alice), fmt.Sprint("t", r.IntN(3)), state, "note "+id, at))
}

// Each state is found again at the other end of each of its renderings.
func TestTheTable(t *testing.T) {
	seen := map[string]State{}
	for s := DND; s <= Unknown; s++ {
		l := s.look()
		if _, twice := seen[l.word]; twice || l.text == "" || l.digium == "" || l.xpidf[0] == "" || s != InDoubt && s.Token() != l.word {
			t.Errorf("%v: %+v", s, *l)
		}
		seen[l.word] = s
		if back, ok := ofNote(l.note); l.note != "" && (!ok || back != s) {
			t.Errorf("the note of %v is %v", s, back)
		}
		dialogs := []dialoginfo.Dialog{{State: s.Lamp()}}
		want := map[string]State{dialoginfo.Early: Ringing, dialoginfo.Confirmed: OnThePhone, dialoginfo.Terminated: Unknown}[s.Lamp()]
		if back := OfDialogs(dialogs); back != want || s == Ringing && back != s || s == OnThePhone && back != s {
			t.Errorf("a lamp of %v is %v", s, back)
		}
	}
	if !slices.Contains([]State{Unknown}, State(99).look().state()) {
		t.Error("a state that there isn't")
	}
}

func (l *look) state() State {
	s, _ := ParseState(l.word)
	return s
}

// Ten inputs, as somebody has with four devices, a call and a meeting.
func BenchmarkCompose(b *testing.B) {
	in := tenInputs()
	b.ReportAllocs()
	for b.Loop() {
		doc, _ := office.Compose(alice, in, noon)
		office.View(doc, RightsBasic)
	}
}

func tenInputs() []event.Input {
	in := []event.Input{dnd(time.Hour), chose(Away, 0), meets("meeting"), calls("c", call("1", dialoginfo.Confirmed, dialoginfo.Recipient))}
	for i := range 3 {
		id := fmt.Sprint(i)
		in = append(in, says(id, []State{Available, Away, Busy}[i], "note "+id), binding(id, reginfo.Active))
	}
	return in
}
