package call_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	. "lamplight/call"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/store/fault"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// world is calls with their users' event state, turned by hand.
type world struct {
	t       testing.TB
	calls   *Calls
	esc     *esc.Compositor
	owners  *owner.Owners
	journal *fault.Journal
	now     time.Time
	shown   map[string]event.Document // "dialog sip:alice@…": what watchers see
	told    map[string][]string       // likewise: all states that they have seen
	phones  map[string]string         // what a phone does that is probed: "silent", "forgets", else it answers
	probes  []Probe
	kept    map[string]Ended
	full    bool // the history has no room
	clean   bool // it stores nothing
}

func newWorld(t testing.TB, owners int) *world {
	w := &world{t: t, journal: &fault.Journal{}, now: start, phones: map[string]string{}, kept: map[string]Ended{}}
	w.begin(owners)
	return w
}

// begin makes the stages of what is stored.
func (w *world) begin(owners int) {
	packages := []event.Package{presence.Package{Registrar: true}, dialog.Package{Registrar: true}}
	w.shown, w.told = map[string]event.Document{}, map[string][]string{}
	w.esc = esc.New(packages, func(event.AoR, string) bool { return true }, esc.Limits{})
	w.esc.Tell(w)
	w.calls = New(w.esc, Options{History: w, Return: func(key string, j owner.Job) { w.owners.Return(key, j) }})
	w.calls.Use(w)
	var journal owner.Journal = w.journal
	if w.clean {
		journal = nil
	}
	w.owners = owner.New(journal, w, owner.Options{Owners: owners})
	if err := w.owners.Load(w.now); err != nil {
		w.t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob", "carol"} {
		w.do(aorOf(name), func(t *owner.Turn) { w.register(t, name) })
	}
}

func aorOf(name string) event.AoR {
	if name == "" || name == "abroad" {
		return ""
	}
	return event.AoR("sip:" + name + "@example.test")
}

func contact(name string) string { return "sip:" + name + "@192.0.2.7:5062" }

func (w *world) register(t *owner.Turn, name string) {
	w.esc.Put(t, aorOf(name), event.Input{Key: event.Key{Event: "reg", Source: event.Registrar, ID: "r"}, Made: t.Now,
		Doc: &reginfo.Contact{ID: "r", URI: contact(name), State: reginfo.Active}})
}

func (w *world) Forget(t *owner.Turn, key string) {
	w.esc.Forget(t, key)
	w.calls.Forget(t, key)
}

func (w *world) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	if kind == KindCall {
		return w.calls.Restore(t, key, kind, id, value)
	}
	return w.esc.Restore(t, key, kind, id, value)
}

func (w *world) Watched(event.AoR, event.Name) bool { return true }

func (w *world) Changed(_ *owner.Turn, aor event.AoR, name event.Name, doc event.Document) {
	k := string(name) + " " + string(aor)
	w.shown[k] = doc
	if i, ok := doc.(*dialoginfo.Info); ok {
		w.told[k] = append(w.told[k], lit(i))
	}
}

// Probe does what the probed phone does.
func (w *world) Probe(p Probe) {
	w.probes = append(w.probes, p)
	name, _, _ := strings.Cut(strings.TrimPrefix(p.To, "sip:"), "@")
	seen := Seen{CallID: p.CallID, What: Alive, Code: 200, FromTag: p.FromTag, ToTag: p.ToTag, CSeq: p.CSeq, ByCaller: p.ToCaller}
	if p.ToCaller {
		seen.FromTag, seen.ToTag = p.ToTag, p.FromTag
	}
	switch w.phones[name] {
	case "silent":
		return
	case "forgets":
		seen.What, seen.Code = Gone, 481
	}
	w.post(Key(p.CallID), func(t *owner.Turn) { w.calls.Saw(t, seen) })
}

// Keep is the history.
func (w *world) Keep(list []Ended, kept func()) bool {
	if w.full {
		return false
	}
	for _, e := range list {
		w.kept[fmt.Sprint(e.AoR, e.CallID, e.FromTag, e.Outgoing)] = e
	}
	kept()
	return true
}

func (w *world) post(key string, f func(*owner.Turn)) { w.owners.Return(key, owner.Func(f)) }

func (w *world) do(aor event.AoR, f func(*owner.Turn)) {
	w.post(string(aor), f)
	w.settle(w.now)
}

func (w *world) saw(seen Seen) {
	w.post(Key(seen.CallID), func(t *owner.Turn) { w.calls.Saw(t, seen) })
	w.settle(w.now)
}

func (w *world) settle(now time.Time) {
	w.now = now
	if err := w.owners.Settle(now); err != nil && err != fault.ErrCommit {
		w.t.Fatal(err)
	}
}

// wait lets time pass, with every alarm at its moment.
func (w *world) wait(d time.Duration) {
	end := w.now.Add(d)
	for next := w.owners.Next(); !next.IsZero() && !next.After(end); next = w.owners.Next() {
		if next.Before(w.now) {
			next = w.now
		}
		w.settle(next)
	}
	w.settle(end)
}

// lit is what a lamp shows: the states of the dialogs that go on, or "off".
func lit(doc *dialoginfo.Info) string {
	var states []string
	for _, d := range doc.Dialogs {
		if d.State != dialoginfo.Terminated {
			state := d.State
			if d.Local.Rendering() == "no" {
				state += "(holds)"
			}
			states = append(states, state)
		}
	}
	if states == nil {
		return "off"
	}
	return strings.Join(states, " ")
}

func (w *world) lamp(name string) *dialoginfo.Info {
	doc, _ := w.shown["dialog "+string(aorOf(name))].(*dialoginfo.Info)
	if doc == nil {
		return &dialoginfo.Info{}
	}
	return doc
}

func (w *world) presence(name string) string {
	doc, ok := w.shown["presence "+string(aorOf(name))].(*pidf.Presence)
	if !ok {
		return "nothing"
	}
	s, _, _ := presence.StateOf(doc)
	return s.String()
}

// TestScripts runs testdata/script/*.txt, a step in each line. Alice calls Bob
// there on branch b1 unless a step says otherwise; step has the words. Each script
// must say the same whether one owner or several share the keys out.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for _, owners := range []int{1, 5} {
				w := newWorld(t, owners)
				for n, line := range strings.Split(string(b), "\n") {
					line, _, _ = strings.Cut(line, "#")
					if words := strings.Fields(line); len(words) > 0 {
						if err := w.step(words, owners); err != "" {
							t.Errorf("%d owners, line %d: %s: %s", owners, n+1, strings.Join(words, " "), err)
						}
					}
				}
			}
		})
	}
}

// fromAlice is a message of the call from Alice to Bob.
func fromAlice(what What) Seen {
	return Seen{CallID: "call-1@desk", What: what, FromTag: "a", CSeq: 1,
		Caller: Party{AoR: aorOf("alice"), URI: "sip:alice@example.test", Display: "Alice Kim"}, Callee: user("bob"),
		CallerTarget: contact("alice"), CalleeTarget: contact("bob"), CalleeBinding: contact("bob")}
}

func user(name string) Party {
	return Party{AoR: aorOf(name), URI: "sip:" + name + "@example.test", Display: strings.ToUpper(name[:1]) + name[1:]}
}

// onBranch is a message of a branch: b2 to somebody else when first invited so.
func (w *world) onBranch(what What, words []string, tagged bool) Seen {
	s := fromAlice(what)
	s.Branch = "b1"
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "b") && len(word) == 2:
			s.Branch = word
		case slices.Contains([]string{"bob", "carol", "abroad", "alice"}, word):
			s.Callee, s.CalleeTarget, s.CalleeBinding = user(word), contact(word), contact(word)
		case strings.HasPrefix(word, "cseq="):
			n, _ := strconv.ParseUint(word[5:], 10, 32)
			s.CSeq = uint32(n)
		case strings.HasPrefix(word, "tag="):
			s.ToTag = word[4:]
		case strings.HasPrefix(word, "session="):
			s.SessionExpires, _ = time.ParseDuration(word[8:])
		case word == "private":
			s.Caller.Private = true
		default:
			s.Code, _ = strconv.Atoi(word)
		}
	}
	if tagged && s.ToTag == "" {
		s.ToTag = "t" + s.Branch
	}
	return s
}

// inside is a message inside the dialog, by "alice" or the other end.
func inside(what What, words []string) Seen {
	s := fromAlice(what)
	s.ToTag, s.CSeq, s.CallerTarget, s.CalleeTarget = "tb1", 2, "", ""
	for _, word := range words {
		switch {
		case word == "alice":
			s.ByCaller = true
		case strings.HasPrefix(word, "tag="):
			s.ToTag = word[4:]
		case strings.HasPrefix(word, "cseq="):
			n, _ := strconv.ParseUint(word[5:], 10, 32)
			s.CSeq = uint32(n)
		}
	}
	return s
}

// message is what a line tells of the call.
func (w *world) message(words []string) (s Seen, wrong string) {
	args := words[1:]
	switch words[0] {
	case "invite": // [branch] [callee] …: an INVITE was forwarded
		return w.onBranch(Invite, args, false), ""
	case "100": // a provisional response without a tag, as 180 of an old phone is
		return w.onBranch(Progress, args, false), ""
	case "180":
		return w.onBranch(Progress, args, true), ""
	case "answer":
		return w.onBranch(Answer, args, true), ""
	case "refuse": // [branch] code
		return w.onBranch(Refused, args, true), ""
	case "cancel": // branch: a CANCEL was sent there; without one the caller's
		s = w.onBranch(Cancelled, args, false)
		if len(args) == 0 {
			s.Branch = ""
		}
		return s, ""
	case "final": // code: what the caller was answered
		s = w.onBranch(Refused, args, false)
		s.Branch = ""
		return s, ""
	case "bye": // alice|bob
		return inside(Bye, args), ""
	case "481":
		return inside(Gone, args), ""
	case "prack", "update":
		return inside(Alive, args), ""
	case "hold", "unhold": // alice|bob
		s = inside(Refreshed, args)
		s.Hold = map[string]Hold{"hold": Held, "unhold": NotHeld}[words[0]]
		return s, ""
	case "pickup": // who
		s = inside(Replaced, nil)
		s.By = user(args[0])
		return s, ""
	}
	return s, "no such word"
}

// step does what a line says; what it gives is what is wrong.
func (w *world) step(words []string, owners int) string {
	args := words[1:]
	switch words[0] {
	case "lose": // who: the registration
		w.do(aorOf(args[0]), func(t *owner.Turn) { w.calls.RegistrationLost(t, aorOf(args[0]), contact(args[0])) })
	case "publish": // who state: the phone tells of its dialog itself
		w.publish(args[0], args[1])
	case "phone": // who answers|silent|forgets
		w.phones[args[0]] = args[1]
	case "history": // full|open
		w.full = args[0] == "full"
	case "restart": // after kill -9, and some time
		if len(args) > 0 {
			down, err := time.ParseDuration(args[0])
			if err != nil {
				return err.Error()
			}
			w.now = w.now.Add(down)
		}
		w.begin(owners)
	case "disk": // fails|works
		w.journal.Fail(func(int) (bool, bool) { return args[0] == "fails", false })
	case "wait":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err.Error()
		}
		w.wait(d)
	case "expect":
		if got := w.ask(args); got != strings.Join(args[min(2, len(args)):], " ") {
			return "it is " + strconv.Quote(got)
		}
	default:
		seen, wrong := w.message(words)
		if wrong != "" {
			return wrong
		}
		w.saw(seen)
	}
	return ""
}

func (w *world) publish(name, state string) {
	d := dialoginfo.Dialog{ID: "x", CallID: "call-1@desk", LocalTag: "tb1", RemoteTag: "a", State: state}
	if name == "alice" {
		d.LocalTag, d.RemoteTag = "a", "tb1"
	}
	doc := &dialoginfo.Info{Entity: string(aorOf(name)), Dialogs: []dialoginfo.Dialog{d}}
	w.do(aorOf(name), func(t *owner.Turn) {
		_, _, err := w.esc.Publish(t, esc.Publish{AoR: aorOf(name), By: aorOf(name), Event: "dialog",
			Type: dialoginfo.Type, Body: doc.Append(nil, 0), Expires: 9 * time.Minute})
		if err != nil {
			w.t.Error(err)
		}
	})
}

// ask is what an expectation is about.
func (w *world) ask(args []string) string {
	switch args[0] {
	case "lamp": // who
		return lit(w.lamp(args[1]))
	case "why": // who: the events of what has ended
		var events []string
		for _, d := range w.lamp(args[1]).Dialogs {
			if d.State == dialoginfo.Terminated {
				events = append(events, strings.TrimSpace(d.Event+" "+d.Code))
			}
		}
		return strings.Join(events, ", ")
	case "sees": // who: the other end, as the lamp tells it
		var others []string
		for _, d := range w.lamp(args[1]).Dialogs {
			others = append(others, strings.TrimSpace(fmt.Sprintf("%s %s at %s", d.Direction, d.Remote.Identity, d.Remote.Target)))
		}
		return strings.Join(others, ", ")
	case "presence": // who
		return w.presence(args[1])
	case "probes": // of: how many so far, to whom
		n := 0
		for _, p := range w.probes {
			if strings.HasPrefix(p.To, "sip:"+args[1]+"@") {
				n++
			}
		}
		return strconv.Itoa(n)
	case "history": // who
		for _, outgoing := range []bool{true, false} {
			if e, ok := w.kept[fmt.Sprint(aorOf(args[1]), "call-1@desk", "a", outgoing)]; ok {
				line := []string{string(e.Result), e.Other.URI}
				for _, more := range []string{e.PickedBy.URI, e.Reason} {
					if more != "" {
						line = append(line, more)
					}
				}
				if e.Duration > 0 {
					line = append(line, e.Duration.String())
				}
				return strings.Join(line, " ")
			}
		}
		return "nothing"
	case "calls": // remembered
		return strconv.FormatInt(w.calls.Live(), 10)
	}
	return "no such question"
}
