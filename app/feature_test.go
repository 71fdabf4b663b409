package app_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/app"
	"lamplight/body/csta"
	"lamplight/event/presence"
	"lamplight/sip"
)

// asFeature are the fields of a SUBSCRIBE by which a telephone keeps its keys and
// the server's settings the same.
const asFeature = "Event: as-feature-event"

// wantsDND and wantsForwarding are what a telephone sends when a key is pressed.
func wantsDND(on string) []string {
	return []string{"Content-Type: " + csta.Type, `<SetDoNotDisturb xmlns="` + csta.Space + `"><device></device><doNotDisturbOn>` + on + `</doNotDisturbOn></SetDoNotDisturb>`}
}

func wantsForwarding(kind csta.Kind, to string, on string) []string {
	return []string{"Content-Type: " + csta.Type, `<SetForwarding xmlns="` + csta.Space + `"><device></device><forwardingType>` + string(kind) + `</forwardingType>` +
		`<activateForward>` + on + `</activateForward><forwardDN>` + to + `</forwardDN><ringCount>2</ringCount></SetForwarding>`}
}

// features reads what a telephone is told: all of it as a multipart, or one thing.
func (o *office) features(m *sip.Message) (f csta.Features) {
	o.Helper()
	kind, params, err := mime.ParseMediaType(string(m.Value(sip.ContentType)))
	if err != nil {
		o.Fatalf("%v in\n%s", err, m.Bytes())
	}
	add := func(b []byte) {
		one, err := csta.ParseEvent(b)
		if err != nil {
			o.Fatalf("%v in\n%s", err, m.Bytes())
		}
		f.List = append(f.List, one)
	}
	if kind == csta.Type {
		add(m.Body())
		return f
	}
	for parts := multipart.NewReader(bytes.NewReader(m.Body()), params["boundary"]); ; {
		p, err := parts.NextPart()
		if err == io.EOF {
			return f
		}
		if err != nil {
			o.Fatal(err)
		}
		b, _ := io.ReadAll(p)
		add(b)
	}
}

// tells checks that the next NOTIFY tells of one feature, and of nothing else.
func (d *dialog) tells(want csta.Feature) {
	d.o.Helper()
	m := d.next()
	if f := d.o.features(m); len(f.List) != 1 || f.List[0] != want {
		d.o.Errorf("%s is told %+v, want %+v", d.user, f.List, want)
	}
}

// A telephone that subscribes is told all features. When a key is pressed at one,
// it is answered, and all of the user's telephones are told that one thing; it is
// there after a crash.
func TestTelephonesOfAUserKeepTheSame(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		desk, other := o.handset("alice").subscribe("alice", asFeature), o.handset("alice").subscribe("1002", asFeature)
		o.expect(desk.first, "200 OK", "Content-Length: 0")
		first := desk.next()
		o.expect(first, "NOTIFY", "Event: as-feature-event", `Content-Type: multipart/mixed;boundary="[^"]+"`, `Subscription-State: active;expires=\d+`)
		all := []csta.Feature{{Kind: csta.DoNotDisturb}, {Kind: csta.Immediate}, {Kind: csta.Busy}, {Kind: csta.NoAnswer, Rings: 3}}
		for i, f := range o.features(first).List {
			if f != all[i] {
				t.Errorf("%+v, want %+v", f, all[i])
			}
		}
		if n := len(o.features(other.next()).List); n != len(all) {
			t.Errorf("%d features", n)
		}

		m := desk.again(wantsDND("true")...)
		o.expect(m, "200 OK", "Content-Type: application/x-as-feature-event.xml")
		if !strings.Contains(string(m.Body()), "<SetDoNotDisturbResponse xmlns=") {
			t.Errorf("%s", m.Body())
		}
		if f := o.features(desk.next()); len(f.List) != 4 || !f.Find(csta.DoNotDisturb).On { // a refresh is told all
			t.Errorf("%+v", f)
		}
		other.tells(csta.Feature{Kind: csta.DoNotDisturb, On: true})

		m = other.again(wantsForwarding(csta.NoAnswer, "bob", "true")...)
		o.expect(m, "200 OK")
		if !strings.Contains(string(m.Body()), "<SetForwardingResponse xmlns=") {
			t.Errorf("%s", m.Body())
		}
		desk.tells(csta.Feature{Kind: csta.NoAnswer, On: true, To: "bob", Rings: 2})
		other.next()

		o.crash()
		u, err := o.server.State("sip:alice@example.test")
		if err != nil || !u.DND || u.Forwarding != (app.Forwarding{NoAnswer: "bob", After: 12 * time.Second}) {
			t.Errorf("%+v, %v", u, err)
		}
		if f := o.features(desk.next()); len(f.List) != 4 || !f.Find(csta.DoNotDisturb).On || f.Find(csta.NoAnswer).To != "bob" {
			t.Errorf("after a crash %+v", f)
		}
		o.expect(desk.again(wantsForwarding(csta.NoAnswer, "", "false")...), "200 OK")
		o.expect(desk.again(wantsDND("false")...), "200 OK")
		if u, err := o.server.State("sip:alice@example.test"); err != nil || u.DND || u.Forwarding.NoAnswer != "" {
			t.Errorf("%+v, %v", u, err)
		}
	})
}

// A telephone that only sets something, and one that sends the type and no body.
func TestATelephoneThatSetsAndDoesNotSubscribe(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		h := o.handset("alice")
		o.expect(h.do("SUBSCRIBE", aor("alice"), append(wantsDND("true"), asFeature, "Expires: 0")...), "200 OK", "Content-Type: "+"application/x-as-feature-event.xml")
		o.expect(h.next(), "NOTIFY", "Subscription-State: terminated;reason=timeout", "Content-Type: multipart/mixed.*")
		d := h.subscribe("alice", asFeature)
		if f := o.features(d.next()); !f.Find(csta.DoNotDisturb).On {
			t.Errorf("%+v", f)
		}
		o.expect(d.again("Content-Type: "+csta.Type), "200 OK", "Content-Length: 0")
		if f := o.features(d.next()); !f.Find(csta.DoNotDisturb).On {
			t.Errorf("%+v", f)
		}
	})
}

// What is refused sets nothing: of others, what cannot be read, and forwarding that
// leads nowhere or to where the user may not call.
func TestFeaturesThatAreRefused(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		d := o.handset("alice").subscribe("alice", asFeature)
		d.next()
		o.expect(o.handset("bob").do("SUBSCRIBE", aor("alice"), append(wantsDND("true"), asFeature)...), "403 ")
		o.expect(o.handset("bob").do("SUBSCRIBE", aor("alice"), asFeature), "403 ")
		set := wantsDND("true")
		for want, lines := range map[string][]string{
			"415 ":                     {"Content-Type: text/plain", set[1]},
			"400 Bad Body: neither":    wantsDND("perhaps"),
			"400 Bad Body: no forward": wantsForwarding("forwardMoon", "bob", "true"),
			"403 nobody: no such user": wantsForwarding(csta.Busy, "nobody", "true"),
			"403 sip:b@elsewhere.test: neither a user of ours, nor does a route lead there": wantsForwarding(csta.Busy, "sip:b@elsewhere.test", "true"),
			"403 calls cannot be forwarded to whom they are for":                            wantsForwarding(csta.Immediate, "1002", "true"),
		} {
			o.expect(d.again(lines...), want)
		}
		u, err := o.server.State("sip:alice@example.test")
		if err != nil || u.DND || u.Forwarding != (app.Forwarding{}) {
			t.Errorf("%+v, %v", u, err)
		}
		d.silent(time.Minute)
	})
}

// Where the server passes no calls on it forwards none, and says so.
func TestForwardingNeedsTheProxy(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		d := o.handset("alice").subscribe("alice", asFeature)
		d.tells(csta.Feature{Kind: csta.DoNotDisturb})
		o.expect(d.again(wantsForwarding(csta.Busy, "bob", "true")...), "403 calls are not forwarded here: the server has no role proxy")
		if err := o.server.SetForwarding("sip:alice@example.test", app.Forwarding{Busy: "bob"}); err == nil {
			t.Error("it is taken")
		}
	})
}

// Do not disturb from five places shows in all places, within a second: what is
// said by a telephone's key, a publication, the command and the API (which share
// what they call), and a hard-state document that says so.
func TestDoNotDisturbFromEverywhereToEverywhere(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		key := o.handset("alice").subscribe("alice", asFeature)
		lamp, person := o.handset("bob").subscribe("alice", "Event: dialog"), o.handset("bob").subscribe("alice")
		other := o.handset("alice").subscribe("alice", asFeature)
		phone, bob := o.telephone("alice"), o.telephone("bob")
		until := func() time.Time { return time.Now().Add(time.Minute) }
		off := func() error { return o.server.SetDND(alice, false, time.Time{}) }
		for _, c := range []struct {
			from    string
			on, off func() error
		}{
			{"a telephone", func() error { o.expect(key.again(wantsDND("true")...), "200 OK"); return nil },
				func() error { o.expect(key.again(wantsDND("false")...), "200 OK"); return nil }},
			{"a publication", func() error { o.publish("alice", presence.DND); return nil }, func() error { o.publish("alice", presence.Available); return nil }},
			{"the server's interface", func() error { return o.server.SetDND(alice, true, time.Time{}) }, off},
			{"a hard-state document", func() error {
				return o.server.SetHardState(alice, []byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="`+string(alice)+`"><person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p"><dnd xmlns="urn:lamplight:presence"/></person></presence>`))
			}, func() error { return o.server.SetHardState(alice, nil) }},
			{"with an end", func() error { return o.server.SetDND(alice, true, until()) }, func() error { o.advance(time.Minute); return nil }},
		} {
			o.advance(time.Minute) // as often may be told
			lamp.drain()
			person.drain()
			other.drain()
			for _, step := range []struct {
				on bool
				do func() error
			}{{true, c.on}, {false, c.off}} {
				o.must(step.do())
				began := time.Now()
				synctest.Wait()
				want := map[bool]presence.State{true: presence.DND, false: presence.Available}[step.on]
				o.shows(person.next(), want)
				other.tells(csta.Feature{Kind: csta.DoNotDisturb, On: step.on})
				o.has(lamp.next(), map[bool]string{true: "<state>confirmed</state>", false: "<state>terminated</state>"}[step.on])
				if u, err := o.server.State(alice); err != nil || u.DND != step.on || u.State != want {
					t.Errorf("from %s: %+v, %v", c.from, u, err)
				}
				if c := bob.call(string(alice)); step.on {
					o.refusedWith(c, 480)
				} else {
					phone.rung()
					o.must(c.Hangup(soon(o)))
				}
				if late := time.Since(began); late > time.Second {
					t.Errorf("from %s %v later", c.from, late)
				}
			}
		}
	})
}
