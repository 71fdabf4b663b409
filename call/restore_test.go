package call_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/quick"
	"time"

	. "lamplight/call"
)

// any call is stored and read again as it was.
func TestEveryCallIsReadAsItWasStored(t *testing.T) {
	same := func(seed uint64) bool {
		f, r := NewFacts(), rand.New(rand.NewPCG(seed, 3))
		for range 1 + r.IntN(40) {
			f.Take(anything(r), start.Add(time.Duration(r.IntN(1e6))*time.Millisecond))
		}
		_, same := f.Reread()
		return same
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 500}); err != nil {
		t.Error(err)
	}
}

// anything is some message of some call, as nobody would send it.
func anything(r *rand.Rand) Seen {
	word := func(list ...string) string { return list[r.IntN(len(list))] }
	s := fromAlice(What(1 + r.IntN(12)))
	s.Branch, s.FromTag, s.ToTag = word("", "b1", "b2", "b3"), word("a", "b"), word("", "x", "y")
	s.CSeq, s.ByCaller, s.Code, s.Reason = r.Uint32(), r.IntN(2) == 0, 300+r.IntN(400), word("", "busy", "\xff\x00")
	s.Callee, s.By = user(word("bob", "carol", "alice")), user(word("bob", "carol"))
	s.CallerRoutes = strings.Fields(word("", "<sip:a;lr>", "<sip:a;lr> <sip:b;lr>"))
	s.SessionExpires, s.Hold = time.Duration(r.IntN(3))*time.Minute, Hold(r.IntN(3))
	s.Caller.Private, s.Internal = r.IntN(4) == 0, r.IntN(4) == 0
	return s
}

func FuzzRestore(f *testing.F) {
	for seed := range uint64(8) {
		facts, r := NewFacts(), rand.New(rand.NewPCG(seed, 4))
		for range 1 + seed {
			facts.Take(anything(r), start)
		}
		f.Add(facts.Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(facts.Encode())
		if err != nil || !bytes.Equal(again.Encode(), facts.Encode()) {
			t.Fatalf("%v after %x", err, facts.Encode())
		}
		facts.Shown(aorOf("bob"))
		facts.Take(fromAlice(Answer), start)
	})
}

// More than a call can have is not looked at, and what is too long has no lamp.
func TestBounds(t *testing.T) {
	w := newWorld(t, 1)
	for n := range 200 {
		s := fromAlice(Progress)
		s.Branch, s.ToTag, s.CSeq = strings.Repeat("b", n+1), strings.Repeat("t", n+1), 1
		w.saw(s)
	}
	if n := len(w.lamp("alice").Dialogs); n != 64 {
		t.Errorf("%d dialogs are shown", n)
	}
	w = newWorld(t, 1)
	for n := range 9 {
		s := fromAlice(Refused)
		s.CallID, s.Branch, s.Code = strings.Repeat("c", n+1), strings.Repeat("b", n+1), 486
		w.saw(s)
	}
	if n := len(w.lamp("bob").Dialogs); n != 3 {
		t.Errorf("%d dialogs that have ended are shown", n)
	}
	w = newWorld(t, 1)
	s := fromAlice(Invite)
	s.Branch, s.CallID = "b1", strings.Repeat("c", 600)
	if w.saw(s); w.calls.Live() != 0 {
		t.Error("a Call-ID of 600 bytes is kept")
	}
	s = fromAlice(Invite)
	s.Branch, s.Caller.Display, s.Caller.URI = "b1", strings.Repeat("김", 600), "sip:"+strings.Repeat("a", 5000)+"@example.test"
	w.saw(s)
	if d := w.lamp("bob").Dialogs[0]; len(d.Remote.Display) > 1024 || len(d.Remote.Identity) > 1024 || strings.Contains(d.Remote.Display, "\xef\xbf\xbd") {
		t.Errorf("%d and %d bytes are shown", len(d.Remote.Display), len(d.Remote.Identity))
	}
}

// A probe stands for the other end, and its CSeq is not above what that end sent
// last (RFC 3261 §12.2.2).
func TestProbes(t *testing.T) {
	w := newWorld(t, 1)
	for _, line := range []string{"invite", "180", "answer", "update alice cseq=7", "wait 61s"} {
		if wrong := w.step(strings.Fields(line), 1); wrong != "" {
			t.Fatal(line, wrong)
		}
	}
	if len(w.probes) != 2 {
		t.Fatalf("%d probes", len(w.probes))
	}
	for _, p := range w.probes {
		want := Probe{CallID: "call-1@desk", FromTag: "a", ToTag: "tb1", From: "sip:alice@example.test", To: "sip:bob@example.test", Target: contact("bob"), CSeq: 7}
		if p.ToCaller {
			want = Probe{CallID: "call-1@desk", FromTag: "tb1", ToTag: "a", From: want.To, To: want.From, Target: contact("alice"), ToCaller: true}
		}
		if p.CallID != want.CallID || p.FromTag != want.FromTag || p.ToTag != want.ToTag || p.From != want.From || p.To != want.To ||
			p.Target != want.Target || p.CSeq != want.CSeq {
			t.Errorf("probe %+v, want %+v", p, want)
		}
	}
}
