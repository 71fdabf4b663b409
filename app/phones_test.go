package app_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/policy"
	"lamplight/sip"
)

// What phones need, rule by rule; what each one sends is in testdata/phones.

const lamp = "Event: dialog"

// sees lets bob see all of alice.
func (o *office) sees() {
	o.server.UseRules("sip:alice@example.test", policy.Rules{{One: []event.AoR{"sip:bob@example.test"}, Handling: event.Allow, Rights: event.RightsAll}})
}

func TestR01ResourceFromTo(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.handset("alice").publish("alice", busy)
		for uri, to := range map[string]string{
			"sip:example.test":                      "<sip:alice@example.test>",
			"sip:192.0.2.1":                         "<sip:1002@example.test>",
			"sip:alice@example.test;user=phone":     "<sip:alice@example.test;user=phone>",
			"sips:alice@example.test":               "<sips:alice@example.test>",
			"sip:alice@example.test:5060":           "<sip:alice@example.test:5060>",
			"sip:%61lice@example.test":              "<sip:alice@example.test>",
			"sip:alice@example.test;transport=UDP":  "sip:alice@example.test",
			"tel:+498912341002":                     "<tel:+498912341002>",
			"sip:+498912341002@example.test;x=%23y": "<sip:*9@example.test>",
		} {
			bob := o.handset("bob")
			o.expect(bob.do("SUBSCRIBE", uri, "To: "+to), "200 OK")
			o.shows(bob.next(), presence.Busy)
		}
		o.expect(o.handset("bob").do("SUBSCRIBE", "sip:*9%23@example.test"), "404 ")
	})
}

// Users whose names are what people dial.
func TestR01NamesThatAreDialled(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for uri, entity := range map[string]string{
			"sip:*8@example.test":              "sip:*8@example.test",
			"sip:**21@example.test":            "sip:**21@example.test",
			"sip:%23301@example.test":          "sip:%23301@example.test",
			"sip:%2A8@example.test;user=phone": "sip:%2A8@example.test",
		} {
			bob := o.handset("bob")
			o.expect(bob.do("SUBSCRIBE", uri), "200 OK")
			o.has(bob.next(), `entity="`+entity+`"`)
		}
		o.expect(o.handset("bob").do("SUBSCRIBE", "sip:301@example.test"), "404 ")
	})
}

func TestR02NoAcceptIsTheDefault(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for name, want := range map[string]string{"presence": `application/pidf\+xml`, "dialog": `application/dialog-info\+xml`} {
			bob := o.handset("bob")
			bob.subscribe("alice", "Event: "+name)
			o.expect(bob.next(), "NOTIFY", "Content-Type: "+want)
			bob.subscribe("alice", "Event: "+name+";id=2", "Accept: multipart/related", "+Accept: application/rlmi+xml, */*;q=0.1")
			o.expect(bob.next(), "NOTIFY", "Content-Type: "+want)
			o.expect(bob.do("SUBSCRIBE", aor("alice"), "Event: "+name, "Accept: multipart/related, application/rlmi+xml"), "406 ", "Accept: "+want+".*")
		}
		bob := o.handset("bob")
		o.expect(bob.do("SUBSCRIBE", aor("alice"), "Event: mismatch"), "489 ", "Allow-Events: presence, dialog.*")
		o.expect(bob.do("SUBSCRIBE", aor("alice"), "Event: -"), "489 ", "Allow-Events: presence, dialog.*")
	})
}

// A phone that asks for an older name of PIDF gets PIDF under that name, and one
// that can't read its own request under the new one, from the first NOTIFY to
// one after a restart.
func TestR03OldNamesOfPresence(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		const cpim = "Accept: application/cpim-pidf+xml"
		o.handset("alice").publish("alice", busy)
		plain := o.handset("bob")
		plain.subscribe("alice", cpim)
		m := plain.next()
		o.expect(m, "NOTIFY", `Content-Type: application/cpim-pidf\+xml`)
		o.shows(m, presence.Busy)
		cisco := o.handset("bob").subscribe("alice", cpim, "User-Agent: Cisco-CP9999/1.2.3")
		check := func() {
			m := cisco.next()
			o.expect(m, "NOTIFY", `Content-Type: application/pidf\+xml`)
			o.has(m, "<e:activities><e:busy/></e:activities>", "<basic>open</basic>")
		}
		check()
		o.expect(cisco.again(cpim), "200 OK") // it doesn't say again who it is
		check()
		o.crash()
		check()
	})
}

// What a phone needs otherwise can be set, and goes before what is known of it;
// it changes what that phone is shown, and nothing for others.
func TestProfilesOfTheSettings(t *testing.T) {
	inOffice(t, func(o *app.Options) {
		o.Profile = []config.Profile{{Agent: "Acme, Inc", OneDialog: true, Unreachable: "failed"}, {Agent: "Yealink SIP-T99", XPIDF: true}}
	}, func(o *office) {
		alice, acme, yealink, plain := o.handset("alice"), o.handset("bob"), o.handset("bob"), o.handset("bob")
		acme.subscribe("alice", lamp, "User-Agent: ACME, inc. 12")
		yealink.subscribe("alice", lamp, "User-Agent: Yealink SIP-T99 1.2")
		plain.subscribe("alice", lamp)
		o.has(acme.next(), "<state>failed</state>")
		o.has(yealink.next(), "<state>terminated</state>")
		o.has(plain.next(), "<state>terminated</state>")
		alice.publish("alice", lamp, call("alice", "confirmed", `call-id="c1"`))
		o.has(acme.next(), "<state>confirmed</state>")
		o.has(yealink.next(), "<state>confirmed</state>")
		alice.publish("alice", lamp, call("alice", "early", `call-id="c2"`, `direction="initiator"`))
		o.has(acme.next(), "<state>early</state>", "-confirmed")
		o.has(yealink.next(), "<state>early</state>", "<state>confirmed</state>") // no longer as the table has it
		yealink.subscribe("alice", "User-Agent: Yealink SIP-T99 1.2", "Accept: application/pidf+xml, application/xpidf+xml")
		o.expect(yealink.next(), "NOTIFY", `Content-Type: application/xpidf\+xml`)
	})
}

// A phone that gives up when it sees an algorithm that it does not know, or takes
// the last that it sees, sees one.
func TestOlderSoftphonesAreChallengedForMD5Alone(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Profile = []config.Profile{{Agent: "acme", MD5: true}} }, func(o *office) {
		alice := o.handset("alice")
		for agent, want := range map[string]string{"baresip v1.0.0 (x86_64/linux)": "MD5", "Twinkle/1.10.2": "MD5", "ACME 1.2": "MD5", "Yealink SIP-T54W 96.86.0.70": "MD5 SHA-256"} {
			m := alice.exchange(alice.request("PUBLISH", aor("alice"), busy, "User-Agent: "+agent))
			o.expect(m, "401 ")
			var offered []string
			for value := range m.Fields(sip.WWWAuthenticate) {
				_, rest, _ := strings.Cut(string(value), "algorithm=")
				name, _, _ := strings.Cut(rest, ",")
				offered = append(offered, name)
			}
			if got := strings.Join(offered, " "); got != want {
				t.Errorf("%s is offered %q, want %q", agent, got, want)
			}
			o.expect(alice.do("PUBLISH", aor("alice"), busy, "User-Agent: "+agent), "200 OK")
		}
	})
}

// What is too large for UDP is sent whole where there is no other way to a phone,
// and counted: a lamp that is late is better than one that never changes.
func TestR05LargeNotify(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := o.handset("bob")
		bob.subscribe("alice")
		bob.next()
		note := strings.Repeat("이따 봐요 ", 120)
		o.handset("alice").publish("alice", strings.Replace(state("alice", presence.Away), "</dm:person>", "<dm:note>"+note+"</dm:note></dm:person>", 1))
		m := bob.next()
		o.has(m, strings.TrimSpace(note))
		if size := len(m.Bytes()); size < 1500 {
			t.Errorf("%d bytes are not much", size)
		}
		o.expectMetrics(map[string]string{"lamplight_sip_requests_large_total": "1"})
	})
}

// The 200 comes first; where they cross, the NOTIFY is tried again.
func TestR06TheAnswerBeforeTheNotify(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := o.handset("bob")
		bob.status.Store(481)
		d := bob.subscribe("alice", lamp)
		bob.next()
		bob.status.Store(200)
		o.has(bob.next(), "<state>terminated</state>")
		o.expect(d.again(), "200 OK")
	})
}

func TestR07SubscriptionStateHasExpires(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, d := o.handset("alice"), o.handset("bob").subscribe("alice", lamp, "Expires: 600")
		granted := o.number(d.first, "Expires")
		o.expect(d.next(), "NOTIFY", fmt.Sprintf("Subscription-State: active;expires=%d", granted))
		o.advance(100 * time.Second)
		alice.publish("alice", lamp, call("alice", "early"))
		o.expect(d.next(), "NOTIFY", fmt.Sprintf("Subscription-State: active;expires=%d", granted-100))
		o.expect(d.again("Expires: 0"), "200 OK")
		o.expect(d.next(), "NOTIFY", "Subscription-State: terminated;reason=timeout")
	})
}

func TestR08Expires(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for _, c := range []struct {
			line        string
			least, most int
		}{{"Expires: -", 2880, 3600}, {"Expires: 423197357", 69120, 86400}, {"Expires: 60", 60, 60}} {
			bob := o.handset("bob")
			o.between(bob.subscribe("alice", lamp, c.line).first, "Expires", c.least, c.most)
		}
		bob := o.handset("bob")
		o.expect(bob.do("SUBSCRIBE", aor("alice"), lamp, "Expires: 59"), "423 ", "Min-Expires: 60")
		bob.silent(time.Second)
		bob.subscribe("alice", lamp, "Expires: 0")
		o.expect(bob.next(), "NOTIFY", "Subscription-State: terminated;reason=timeout")
	})
}

// Numbers rise by one, and only rise over a crash; what is lost is 481, so that
// the phone begins anew.
func TestR09NumbersOnlyRise(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, d := o.handset("alice"), follow(o.handset("bob").subscribe("alice", lamp))
		o.has(d.next(), `version="0"`)
		tag := alice.publish("alice", lamp, call("alice", "early"))
		o.has(d.next(), `version="1"`)
		o.crash()
		d.nextAfterCrash()
		alice.publish("alice", lamp, "SIP-If-Match: "+tag, call("alice", "confirmed"))
		d.next()
		o.expect(d.do("SUBSCRIBE", d.target, append(d.lines, "CSeq: 99 SUBSCRIBE", "To: <sip:alice@example.test>;tag=lost")...), "481 ")
	})
}

func TestR10FullStateAlways(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, d := o.handset("alice"), o.handset("bob").subscribe("alice", lamp)
		o.has(d.next(), `state="full"`)
		alice.publish("alice", lamp, strings.Replace(call("alice", "early"), `state="full"`, `state="partial"`, 1))
		o.has(d.next(), `state="full"`, "<state>early</state>")
	})
}

func TestR11IdleIsADialogThatHasTerminated(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob, plain := o.handset("bob"), o.handset("bob")
		plain.subscribe("alice", lamp)
		o.has(plain.next(), `<dialog id="idle"><state>terminated</state>`)
		bob.subscribe("alice", lamp, "User-Agent: Technicolor TB99")
		o.has(bob.next(), "<dialog-info ", "-<dialog id", "</dialog-info>")
	})
}

// Two calls: a phone that takes one dialog is shown what rings.
func TestR12OneDialogOnly(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		alice.publish("alice", lamp, call("alice", "confirmed", `call-id="c1"`))
		alice.publish("alice", lamp, call("alice", "early", `call-id="c2"`, `direction="recipient"`))
		for agent, want := range map[string]int{"Some Phone": 2, "Linksys/SPA999-1.2": 1, "PJSUA v9": 1, "MicroSIP/9.9": 1} {
			bob := o.handset("bob")
			bob.subscribe("alice", lamp, "User-Agent: "+agent)
			m := bob.next()
			if got := bytes.Count(m.Body(), []byte("<dialog id")); got != want {
				t.Errorf("%s: %d dialogs, want %d, in\n%s", agent, got, want, m.Body())
			}
			o.has(m, "<state>early</state>")
		}
	})
}

// All that a pickup needs, each URI with a scheme; an outgoing call as the
// phone's profile has it.
func TestR13Ringing(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.sees()
		alice, plain, yealink := o.handset("alice"), o.handset("bob"), o.handset("bob")
		plain.subscribe("alice", lamp)
		yealink.subscribe("alice", lamp, "User-Agent: Yealink SIP-T99 1.2")
		plain.next()
		yealink.next()
		doc := strings.ReplaceAll(call("alice", "early", dialogIs("recipient")...), "sip:rita", "rita")
		doc = strings.Replace(doc, "<remote>", `<local><identity>alice@example.test</identity><target uri="alice@203.0.113.9"/></local><remote>`, 1)
		tag := alice.publish("alice", lamp, doc)
		for _, m := range []*sip.Message{plain.next(), yealink.next()} {
			o.has(m, `call-id="c1@pbx.example.test" local-tag="l1" remote-tag="r1" direction="recipient"`, "<state>early</state>",
				`<identity display="Rita">sip:rita@elsewhere.test</identity><target uri="sip:rita@elsewhere.test">`,
				`<local><identity>sip:alice@example.test</identity><target uri="sip:alice@203.0.113.9">`)
		}
		alice.publish("alice", lamp, "SIP-If-Match: "+tag, strings.Replace(call("alice", "early", dialogIs("initiator")...), "c1@", "c2@", 1))
		o.has(plain.next(), "<state>early</state>", `direction="initiator"`)
		o.has(yealink.next(), "<state>confirmed</state>", `direction="initiator"`)
	})
}

func TestR14Hold(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.sees()
		bob := o.handset("bob")
		bob.subscribe("alice", lamp)
		bob.next()
		held := strings.Replace(call("alice", "confirmed"), "<remote>", `<local><target uri="sip:alice@203.0.113.9"><param pname="+sip.rendering" pvalue="no"/></target></local><remote>`, 1)
		o.handset("alice").publish("alice", lamp, held)
		o.has(bob.next(), "<state>confirmed</state>", `<param pname="+sip.rendering" pval="no"/>`)
	})
}

// Phones write the parameter's value in two ways; both are hold.
func TestR14HoldIsWrittenInTwoWays(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.sees()
		for i, attribute := range []string{"pval", "pvalue"} {
			id := fmt.Sprint(i)
			bob := o.handset("bob")
			bob.subscribe("alice", lamp+";id="+id)
			bob.next()
			held := strings.Replace(call("alice", "confirmed", `call-id="c`+id+`"`), "<remote>", `<local><target uri="sip:alice@203.0.113.9"><param pname="+sip.rendering" `+attribute+`="no"/></target></local><remote>`, 1)
			tag := o.handset("alice").publish("alice", lamp, held)
			o.has(bob.next(), `<param pname="+sip.rendering" pval="no"/>`)
			o.handset("alice").publish("alice", lamp, "SIP-If-Match: "+tag, "Expires: 0")
		}
	})
}

// Whoever does not want to be disturbed has a lamp that is lit, or not, as it is
// set; a call is shown either way, and who cannot be reached is shown as that.
func TestR15DoNotDisturbOnLamps(t *testing.T) {
	for setting, want := range map[string]string{"": "confirmed", "busy": "confirmed", "idle": "terminated", "none": "terminated"} {
		inOffice(t, func(o *app.Options) { o.DNDOnBLF = setting }, func(o *office) {
			alice, bob, buddy := o.handset("alice"), o.handset("bob"), o.handset("bob")
			bob.subscribe("alice", lamp)
			buddy.subscribe("alice")
			o.has(bob.next(), "<state>terminated</state>")
			buddy.next()
			tag := alice.publish("alice", state("alice", presence.DND))
			o.shows(buddy.next(), presence.DND) // one truth, whatever the lamp shows
			if want == "confirmed" {
				o.has(bob.next(), "<state>confirmed</state>")
			}
			rings := alice.publish("alice", lamp, call("alice", "early", `direction="recipient"`))
			o.has(bob.next(), "<state>early</state>")
			alice.publish("alice", lamp, "SIP-If-Match: "+rings, "Expires: 0")
			o.has(bob.next(), "<state>"+want+"</state>")
			alice.publish("alice", "SIP-If-Match: "+tag, strings.Replace(state("alice", presence.DND), "open", "closed", 1))
			if want == "confirmed" {
				o.has(bob.next(), "<state>terminated</state>")
			}
			bob.silent(time.Minute)
		})
	}
}

// The entity is whom one watches, prefixes are literal, and a note in English
// says it to those that read nothing else.
func TestR16Presence(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		bob.subscribe("1002")
		o.has(bob.next(), `entity="sip:1002@example.test"`, "<basic>closed</basic>", ">Unavailable</note>", `encoding="UTF-8"`, "-bob@")
		own := strings.Replace(state("alice", presence.Away), "</dm:person>", "<dm:note>점심</dm:note></dm:person>", 1)
		tag := alice.publish("alice", own)
		o.has(bob.next(), "<basic>open</basic>", "<dm:person", "<rpid:activities><rpid:away/></rpid:activities>", ">Away</note>", "<dm:note>점심</dm:note>")
		alice.publish("alice", lamp, call("alice", "confirmed"))
		o.has(bob.next(), "<basic>open</basic>", "<rpid:on-the-phone/>", ">On the phone</note>", "-bob@")
		alice.publish("alice", "SIP-If-Match: "+tag, "Expires: 0")
		o.advance(time.Minute)
		o.has(bob.next(), "<basic>closed</basic>") // a call alone makes nobody reachable
	})
}

func TestR17Publish(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, d := o.handset("alice"), o.handset("bob").subscribe("alice")
		d.next()
		first := alice.publish("alice", busy)
		o.shows(d.next(), presence.Busy)
		second := alice.publish("alice", "SIP-If-Match: "+first)
		if first == second {
			t.Errorf("the entity-tag %s twice", first)
		}
		o.expect(alice.do("PUBLISH", aor("alice"), "SIP-If-Match: "+first, busy), "412 ")
		draft := `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:e="urn:ietf:params:xml:ns:pidf:status:rpid-status" entity="alice@example.test"><tuple id="0x1"><status><basic>Open</basic>` +
			`<e:activities><e:activity>on-the-phone</e:activity></e:activities></status></tuple></presence>`
		third := alice.publish("alice", "SIP-If-Match: "+second, draft)
		o.shows(d.next(), presence.OnThePhone)
		for _, bad := range []string{`<!DOCTYPE presence [<!ENTITY x "y">]>` + draft, draft[:len(draft)-4], strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200)} {
			o.expect(alice.do("PUBLISH", aor("alice"), bad), "400 Bad Body.*")
		}
		alice.publish("alice", "SIP-If-Match: "+third, "Expires: 0")
		o.shows(d.next(), presence.Offline)
	})
}

// A NOTIFY goes to where the SUBSCRIBE came from, or by its proxies, and to the
// URI that the phone gave, parameters and all.
func TestR20NAT(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob, sbc := o.handset("bob"), o.handset("sbc")
		inside := "sip:bob-0x1@10.1.1.1:5062;line=x1;ob"
		bob.subscribe("alice", lamp, "Contact: <"+inside+">", "Via: SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bKnat;rport")
		o.expect(bob.next(), "NOTIFY "+inside+" ", "Route: -")
		routes := []string{"<sip:" + sbc.addr.String() + ";r2=on;lr>", "<sip:10.9.9.9;r2=on;lr>"}
		bob.subscribe("alice", "Event: dialog;id=2", "Contact: <"+inside+">", "Record-Route: "+routes[0], "+Record-Route: "+routes[1])
		o.expect(sbc.next(), "NOTIFY "+inside+" ", "Route: "+strings.Join(routes, ", "))
	})
}

func TestR21FailedNotify(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		for status, alive := range map[int64]bool{408: true, 500: true, 503: true, 481: false, 489: false} {
			d := o.handset("bob").subscribe("alice", lamp)
			d.next()
			o.advance(10 * time.Second)
			d.status.Store(status)
			tag := alice.publish("alice", lamp, call("alice", "early"))
			d.next()
			o.advance(time.Second)
			d.status.Store(200)
			if m := d.again(); alive != (m.Status() == 200) || !alive != (m.Status() == 481) {
				t.Errorf("after %d: %d", status, m.Status())
			}
			alice.publish("alice", lamp, "SIP-If-Match: "+tag, "Expires: 0")
		}
	})
}

// A phone is told a burst and then no more than its rate, the newest state; and
// after a restart what it had goes on by itself.
func TestR22RateAndRestart(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, d := o.handset("alice"), follow(o.handset("bob").subscribe("alice"))
		d.next()
		tag := alice.publish("alice", busy)
		for i := range 20 {
			tag = alice.publish("alice", "SIP-If-Match: "+tag, state("alice", []presence.State{presence.Away, presence.Meeting}[i%2]))
		}
		o.advance(time.Second)
		if n := len(d.requests); n > 5 {
			t.Errorf("%d NOTIFYs within a second", n)
		}
		o.advance(time.Minute)
		var last *sip.Message
		for len(d.requests) > 0 {
			last = d.next()
		}
		o.shows(last, presence.Meeting)
		o.crash()
		o.shows(d.nextAfterCrash(), presence.Meeting)
	})
}

func TestR23WhoMayWatch(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		alice.publish("alice", lamp, call("alice", "confirmed", dialogIs("recipient")...))
		bob := o.handset("bob")
		bob.subscribe("alice", lamp)
		o.has(bob.next(), "<state>confirmed</state>", "-rita", "-c1@pbx", "-l1") // that there is a call, not with whom
		own := o.handset("alice")
		own.subscribe("alice", lamp)
		o.has(own.next(), "rita", "c1@pbx")
		o.expect(o.handset("dave@other.test").do("SUBSCRIBE", aor("alice"), lamp), "403 ")
		o.server.UseRules("sip:alice@example.test", policy.Rules{{Domains: []string{"example.test"}, Handling: event.Confirm}})
		carol := o.handset("carol")
		carol.subscribe("alice", lamp)
		m := carol.next()
		o.expect(m, "NOTIFY", `Subscription-State: pending;expires=\d+`)
		o.has(m, "-confirmed")
	})
}

// What phones write in their own way is understood or refused, and never more.
func TestR24WhatPhonesWrite(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := o.handset("bob")
		for name, change := range map[string]*strings.Replacer{
			"compact":           strings.NewReplacer("Via:", "v:", "From:", "f:", "To:", "t:", "Call-ID:", "i:", "Contact:", "m:", "Event:", "o:", "Content-Length:", "l:"),
			"in lower case":     strings.NewReplacer("Via:", "via:", "From:", "from:", "CSeq:", "cseq:", "Contact:", "contact:", "Event:", "event:"),
			"folded":            strings.NewReplacer("Event: ", "Event:\r\n\t ", "Max-Forwards: ", "Max-Forwards:\r\n "),
			"without a length":  strings.NewReplacer("Content-Length: 0\r\n", ""),
			"without brackets":  strings.NewReplacer("To: <sip:alice@example.test>", "To: sip:alice@example.test"),
			"for ever":          strings.NewReplacer("Max-Forwards: 70", "Max-Forwards: 70\r\nExpires: 4294967295"),
			"spaces and colons": strings.NewReplacer("Event: ", "Event  :   "),
		} {
			text := bob.request("SUBSCRIBE", aor("alice"), bob.authorization("SUBSCRIBE", aor("alice")))
			if changed := change.Replace(text); changed == text {
				t.Errorf("%s: nothing is changed", name)
			} else if m := bob.exchange(changed); m.Status() != 200 {
				t.Errorf("%s: %s", name, m.Bytes())
			} else {
				o.shows(bob.next(), presence.Offline)
			}
		}
		text := bob.request("SUBSCRIBE", aor("alice"))
		o.expect(bob.exchange(strings.Replace(text, ">;tag=", ">tag=", 1)), "400 |401 ")
		bob.subscribe("alice")
	})
}

// TestPhonesOfTheCorpus feeds what real phones sent, where it is at hand: every
// message has an answer or none, and the server goes on.
func TestPhonesOfTheCorpus(t *testing.T) {
	files, err := filepath.Glob("../../shared/corpus/phones/*.sip")
	if err != nil || len(files) == 0 {
		t.Log("no corpus of phones beside the module")
		return
	}
	inOffice(t, func(o *app.Options) { o.InsecureNoAuth = true }, func(o *office) {
		for n, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bob := o.handset("bob")
			bob.send(onWire(string(text), n))
			o.advance(time.Second)
			answer := "nothing"
			if len(bob.responses) > 0 {
				answer = fmt.Sprint((<-bob.responses).Status())
			}
			t.Logf("%s: %s", filepath.Base(file), answer)
			bob.drain()
			o.expect(bob.exchange(bob.request("OPTIONS", aor("alice"))), "200 OK")
			if err := bob.socket.Close(); err != nil {
				t.Error(err)
			}
			o.phones = o.phones[:0]
		}
	})
}

// blank is a place that a scenario leaves open.
var blank = regexp.MustCompile(`\[[a-z_]+[^]\s]*\]`)

// onWire makes of a text, whose lengths are no longer right, a message, the
// nth.
func onWire(text string, n int) string {
	text = strings.NewReplacer("[remote_ip]", serverAt.Addr().String(), "[local_ip]", "203.0.113.1", "[remote_port]", "5060",
		"[local_port]", "5060", "[transport]", "UDP", "[branch]", fmt.Sprintf("z9hG4bK%d", n)).Replace(text)
	text = blank.ReplaceAllString(text, fmt.Sprint(n))
	head, body, _ := strings.Cut(text, "\n\n")
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(head, "\n"), "\n") {
		if name, _, _ := strings.Cut(line, ":"); !strings.EqualFold(name, "Content-Length") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
