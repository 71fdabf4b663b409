package app_test

import (
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/sip"
	"lamplight/store/cold"
)

// kept is a store with Alice in it, for her rules.
func kept(t *testing.T) *cold.Store {
	s, err := cold.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.AddDomain("example.test"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"alice", "bob", "carol"} {
		if err := s.AddUser(user+"@example.test", "", nil, "secret"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// rulesOf writes a document: each rule is for one watcher, or for a group.
func rulesOf(rules ...[3]string) []byte {
	var b strings.Builder
	b.WriteString(`<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules" xmlns:l="urn:lamplight:policy">`)
	for i, r := range rules {
		b.WriteString(`<rule id="r` + string(rune('a'+i)) + `"><conditions><identity>` + r[0] + `</identity></conditions><actions><pr:sub-handling>` + r[1] +
			`</pr:sub-handling></actions><transformations>` + r[2] + `</transformations></rule>`)
	}
	return []byte(b.String() + `</ruleset>`)
}

func oneOf(user string) string { return `<one id="` + aor(user) + `"/>` }

const (
	grantPersons  = `<pr:provide-persons><pr:all-persons/></pr:provide-persons>`
	grantServices = `<pr:provide-services><pr:all-services/></pr:provide-services>`
	grantDoing    = `<pr:provide-activities>true</pr:provide-activities>`
	grantPlace    = `<l:provide-location>true</l:provide-location>`
)

// located is what Alice publishes: what she does, a note, and where she is.
var located = strings.Replace(strings.Replace(state("alice", presence.Meeting), "</rpid:activities>",
	"</rpid:activities><rpid:mood><rpid:happy/></rpid:mood><gp:geopriv xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\"><gp:location-info>ROOM-7</gp:location-info></gp:geopriv>", 1),
	"</dm:person>", "<dm:note>quarterly</dm:note></dm:person>", 1)

// Four classes of watchers see four different things of one state; a rule that is
// changed reaches all of them at once, and lasts over a crash.
func TestWatchersSeeWhatRulesGrant(t *testing.T) {
	store := kept(t)
	inOffice(t, func(o *app.Options) { o.Policies = store }, func(o *office) {
		const alice = event.AoR("sip:alice@example.test")
		rules := [][3]string{
			{oneOf("bob"), "allow", grantServices + grantPersons + grantDoing},
			{oneOf("carol"), "allow", grantServices + grantPersons + grantDoing + grantPlace},
			{oneOf("pbx"), "polite-block", ""},
			{`<one id="sip:frida@friend.test"/>`, "confirm", ""},
		}
		o.must(o.server.SetRules(alice, rulesOf(rules...)))
		tag := o.handset("alice").publish("alice", "Expires: 7200", located)
		phones := map[string]*handset{}
		for _, user := range []string{"alice", "bob", "carol", "pbx"} {
			phones[user] = o.handset(user)
			phones[user].subscribe("alice", "Expires: 7200")
		}
		phones["frida"] = o.handset("frida@friend.test")
		phones["frida"].subscribe("alice", "Expires: 7200")
		o.has(phones["alice"].next(), "<rpid:meeting/>", "happy", "quarterly", "ROOM-7")
		o.has(phones["bob"].next(), "<rpid:meeting/>", "-happy", "-quarterly", "-ROOM-7")
		o.has(phones["carol"].next(), "<rpid:meeting/>", "-happy", "-quarterly", "ROOM-7")
		m := phones["pbx"].next()
		o.expect(m, "NOTIFY", `Subscription-State: active;expires=\d+`)
		o.shows(m, presence.Offline)
		o.has(m, "-meeting", "-ROOM-7")
		o.expect(phones["frida"].next(), "NOTIFY", `Subscription-State: pending;expires=\d+`)

		view := func(user string) string {
			v, err := o.server.ViewAs(alice, event.AoR(aor(user)), "presence")
			o.must(err)
			return string(v.Body)
		}
		if got := view("bob"); !strings.Contains(got, "meeting") || strings.Contains(got, "ROOM-7") {
			t.Errorf("as Bob one sees\n%s", got)
		}
		list, err := o.server.Watchers(alice)
		o.must(err)
		if len(list) != 5 || list[0].Watcher != "sip:frida@friend.test" || list[0].Status != "pending" {
			t.Errorf("watchers %+v", list)
		}
		o.advance(time.Minute)

		o.must(o.server.Allow(alice, "sip:frida@friend.test"))
		m = phones["frida"].next()
		o.expect(m, "NOTIFY", `Subscription-State: active;expires=\d+`)
		o.has(m, "<rpid:meeting/>", "quarterly", "-ROOM-7")
		o.must(o.server.Block(alice, "sip:bob@example.test", false))
		m = phones["bob"].next()
		o.expect(m, "NOTIFY", "Subscription-State: terminated;reason=rejected")
		o.has(m, "-meeting")
		o.expect(phones["bob"].do("SUBSCRIBE", aor("alice")), "403 ")
		o.must(o.server.Block(alice, "sip:carol@example.test", true))
		o.shows(phones["carol"].next(), presence.Offline)

		o.crash()
		for user, want := range map[string]event.Handling{"bob": event.Block, "carol": event.PoliteBlock, "pbx": event.PoliteBlock} {
			if v, err := o.server.ViewAs(alice, event.AoR(aor(user)), "presence"); err != nil || v.Handling != want {
				t.Errorf("after a crash %s: %+v, %v", user, v, err)
			}
		}
		o.advance(2 * time.Minute)
		for _, p := range phones {
			p.drain()
		}
		o.must(o.server.SetRules(alice, rulesOf([3]string{`<many domain="example.test"/>`, "confirm", ""})))
		o.expect(phones["carol"].next(), "NOTIFY", `Subscription-State: pending;expires=\d+`)
		o.expect(phones["frida"].next(), "NOTIFY", "Subscription-State: terminated;reason=rejected")
		o.must(o.server.SetRules(alice, nil))
		m = phones["carol"].next()
		o.expect(m, "NOTIFY", `Subscription-State: active;expires=\d+`)
		o.has(m, "<rpid:meeting/>", "happy", "quarterly", "-ROOM-7")
		if err := o.server.SetRules(alice, []byte("<ruleset/>")); err == nil {
			t.Error("what is no rule set was taken")
		}
		o.expect(o.handset("alice").do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag, "Expires: 0"), "200 ")
	})
}

// Who is blocked politely cannot tell from a user who is offline: neither by the
// answer nor by what comes after it.
func TestAPoliteBlockIsAnOfflineUser(t *testing.T) {
	store := kept(t)
	inOffice(t, func(o *app.Options) { o.Policies = store }, func(o *office) {
		const alice = event.AoR("sip:alice@example.test")
		// Every number and token of a message is another one each time.
		masked := func(m *sip.Message) string {
			text := string(m.Bytes())
			for _, line := range []string{"Call-ID", "CSeq", "Via", "To", "From", "Contact", "Subscription-State", "Expires"} {
				for _, value := range values(m, line) {
					if line != "Subscription-State" && line != "Expires" {
						text = strings.ReplaceAll(text, value, "")
					}
				}
			}
			return text
		}
		for _, name := range []string{"presence", "dialog"} {
			seen := func() (answer, told string, took time.Duration) {
				h := o.handset("bob")
				h.authorization("SUBSCRIBE", aor("alice"))
				o.advance(time.Second)
				began := time.Now()
				d := h.subscribe("alice", "Event: "+name, "Expires: 300")
				n := h.next()
				return masked(d.first), strings.SplitN(masked(n), "NOTIFY", 2)[1][len("sip:"):], time.Since(began)
			}
			tail := func(s string) string { _, rest, _ := strings.Cut(s, "\r\n"); return rest }
			offline, empty, took := seen()
			o.must(o.server.SetRules(alice, rulesOf([3]string{oneOf("bob"), "polite-block", ""})))
			tags := []string{o.handset("alice").publish("alice", busy), o.handset("alice").publish("alice", "Event: dialog", call("alice", "confirmed"))}
			blocked, shown, later := seen()
			if tail(offline) != tail(blocked) || tail(empty) != tail(shown) || took != later {
				t.Errorf("%s: offline in %v\n%s\n%s\nblocked in %v\n%s\n%s", name, took, offline, empty, later, blocked, shown)
			}
			for i, e := range []string{"presence", "dialog"} {
				o.expect(o.handset("alice").do("PUBLISH", aor("alice"), "Event: "+e, "SIP-If-Match: "+tags[i], "Expires: 0"), "200 ")
			}
			o.must(o.server.SetRules(alice, nil))
		}
	})
}

// Members of a pickup group see whose calls ring at each other; a group that
// changes reaches lamps at once.
func TestPickupGroups(t *testing.T) {
	store := kept(t)
	inOffice(t, func(o *app.Options) { o.Policies = store }, func(o *office) {
		bob := o.handset("bob")
		bob.subscribe("alice", "Event: dialog", "Expires: 7200")
		bob.next()
		o.handset("alice").publish("alice", "Event: dialog", "Expires: 7200", call("alice", "early", `direction="recipient"`))
		o.has(bob.next(), "<state>early</state>", "-rita")
		o.must(store.SetGroup(directory.Group{Name: "desk", Pickup: true, Members: []event.AoR{"sip:alice@example.test", "sip:bob@example.test"}}))
		o.must(o.server.PeopleChanged())
		o.has(bob.next(), "<state>early</state>", "sip:rita@elsewhere.test")
		o.must(store.LeaveGroup("desk", "sip:bob@example.test"))
		o.must(o.server.PeopleChanged())
		o.has(bob.next(), "<state>early</state>", "-rita")
	})
}

// Rules that ask for a sphere or a group hold while it is so.
func TestRulesOfSpheresAndGroups(t *testing.T) {
	store := kept(t)
	inOffice(t, func(o *app.Options) { o.Policies = store }, func(o *office) {
		const alice = event.AoR("sip:alice@example.test")
		doc := rulesOf([3]string{`<l:group name="friends"/></identity><sphere value="home"/><identity/>`, "allow", grantServices + grantPersons + grantDoing})
		doc = []byte(strings.Replace(string(doc), "<identity/></identity>", "", 1))
		o.must(o.server.SetRules(alice, doc))
		o.must(store.SetGroup(directory.Group{Name: "friends", Members: []event.AoR{"sip:bob@example.test"}}))
		o.must(o.server.PeopleChanged())
		home := strings.Replace(located, "<rpid:mood>", "<rpid:sphere><rpid:home/></rpid:sphere><rpid:mood>", 1)
		phone := o.handset("alice")
		tag := phone.publish("alice", "Expires: 7200", home)
		bob := o.handset("bob")
		bob.subscribe("alice", "Expires: 7200")
		o.has(bob.next(), "<rpid:meeting/>", "-sphere")
		o.expect(o.handset("carol").do("SUBSCRIBE", aor("alice")), "403 ")
		o.advance(time.Minute)
		phone.publish("alice", "SIP-If-Match: "+tag, "Expires: 7200", located)
		o.expect(bob.next(), "NOTIFY", "Subscription-State: terminated;reason=rejected")
	})
}

// Who is not answered in time waits on, and is seen by whom it concerns, until the
// answer comes or nobody gives one (RFC 3857 §4.7.1).
func TestWatchersWhoWait(t *testing.T) {
	store := kept(t)
	inOffice(t, func(o *app.Options) { o.Policies = store }, func(o *office) {
		const alice = event.AoR("sip:alice@example.test")
		o.must(o.server.SetRules(alice, rulesOf([3]string{`<many domain="example.test"/>`, "confirm", ""})))
		phone := o.handset("alice")
		phone.subscribe("alice", "Event: dialog.winfo", "Expires: 86400")
		phone.next()
		bob, carol := o.handset("bob"), o.handset("carol")
		bob.subscribe("alice", "Event: dialog", "Expires: 60")
		o.expect(bob.next(), "NOTIFY", `Subscription-State: pending;expires=\d+`)
		o.has(phone.next(), `package="dialog"`, `status="pending" event="subscribe"`, ">sip:bob@example.test<")
		o.advance(time.Minute)
		o.expect(bob.next(), "NOTIFY", "Subscription-State: terminated;reason=timeout")
		o.has(phone.next(), `status="waiting" event="timeout"`, "-terminated")
		carol.subscribe("alice", "Event: dialog", "Expires: 0")
		o.advance(10 * time.Second)
		phone.drain()
		list, err := o.server.Watchers(alice)
		o.must(err)
		if len(list) != 2 || list[0].Status != "waiting" || list[0].Watcher != "sip:bob@example.test" || list[1].Status != "waiting" {
			t.Errorf("watchers %+v", list)
		}
		o.must(o.server.Allow(alice, "sip:bob@example.test"))
		o.has(phone.next(), `status="terminated" event="approved"`, `status="waiting"`)
		bob.subscribe("alice", "Event: dialog", "Expires: 60")
		o.expect(bob.next(), "NOTIFY", `Subscription-State: active;expires=\d+`)
		o.advance(7 * 24 * time.Hour)
		if list, _ := o.server.Watchers(alice); len(list) != 0 {
			t.Errorf("after a week %+v", list)
		}
	})
}
