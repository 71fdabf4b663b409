package app_test

import (
	"errors"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/sip/ua"
)

const summaryType = "application/simple-message-summary"

// mailOffice is an office with a voice mail, which is the user pbx.
func mailOffice(o *app.Options) { o.Trust, o.VoiceMail, o.MWI = []string{"pbx"}, "*97", "all" }

// mail has somebody publish what waits for a user, the first time or another.
func (o *office) mail(by, user, text string) {
	o.Helper()
	key := by + " mail of " + user
	r, err := o.agent(by).Publish(soon(o), ua.Publication{AoR: aor(user), Event: "message-summary", Type: summaryType,
		Body: []byte("Messages-Waiting: " + text), Expires: time.Hour, IfMatch: o.tags[key]})
	if err != nil {
		o.Fatalf("%s publishes the mail of %s: %v", by, user, err)
	}
	o.tags[key] = r.ETag
}

// RFC 3842: whose messages they are subscribes, and a voice mail publishes.
func TestMessagesWaiting(t *testing.T) {
	inOffice(t, mailOffice, func(o *office) {
		alice := o.handset("alice")
		d := alice.subscribe("alice", "Event: message-summary", "Expires: 3600")
		n := d.next()
		o.expect(n, "NOTIFY", "Event: message-summary", "Content-Type: "+summaryType, `Subscription-State: active;expires=\d+`)
		o.says(n.Body(), "Messages-Waiting: no\r\nMessage-Account: sip:*97@example.test\r\nVoice-Message: 0/0\r\n")
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 2/8 (0/2)\r\n")
		o.says(d.next().Body(), "Messages-Waiting: yes\r\nMessage-Account: sip:*97@example.test\r\nVoice-Message: 2/8 (0/2)\r\n")
		o.advance(time.Second)
		o.mail("alice", "alice", "yes\r\nFax-Message: 1/0\r\n")
		o.says(d.next().Body(), "Messages-Waiting: yes\r\nMessage-Account: sip:*97@example.test\r\nVoice-Message: 2/8 (0/2)\r\nFax-Message: 1/0\r\n")

		// Nobody else sees or says them.
		o.expect(o.handset("bob").do("SUBSCRIBE", aor("alice"), "Event: message-summary"), "403 ")
		var refused *ua.StatusError
		_, err := o.agent("bob").Publish(soon(o), ua.Publication{AoR: aor("alice"), Event: "message-summary", Type: summaryType, Body: []byte("Messages-Waiting: no\r\n"), Expires: time.Hour})
		if !errors.As(err, &refused) || refused.Code != 403 {
			t.Errorf("bob publishes alice's messages: %v", err)
		}
		_, err = o.agent("pbx").Publish(soon(o), ua.Publication{AoR: aor("alice"), Event: "message-summary", Type: summaryType, Body: []byte("Voice-Message: 1/0\r\n"), Expires: time.Hour})
		if !errors.As(err, &refused) || refused.Code != 400 {
			t.Errorf("what is no summary: %v", err)
		}
	})
}

// RFC 3842 §3.11: more often than once a second nobody is told, and then the newest.
func TestMessagesOnceASecond(t *testing.T) {
	inOffice(t, mailOffice, func(o *office) {
		alice := o.handset("alice")
		d := alice.subscribe("alice", "Event: message-summary")
		d.next()
		o.advance(time.Second)
		for _, text := range []string{"1/0", "2/0", "3/0"} {
			o.mail("pbx", "alice", "yes\r\nVoice-Message: "+text+"\r\n")
		}
		began := time.Now()
		o.has(d.next(), "Voice-Message: 1/0\r\n")
		o.has(d.next(), "Voice-Message: 3/0\r\n")
		if late := time.Since(began); late > time.Second || late < 900*time.Millisecond {
			t.Errorf("the third after %v, want a second", late)
		}
		d.silent(time.Minute)
	})
}

// Some phones subscribe to the number that they call to hear their messages, and
// mean their user's own.
func TestMessagesOfTheVoiceMailNumber(t *testing.T) {
	inOffice(t, mailOffice, func(o *office) {
		o.mail("pbx", "bob", "yes\r\nVoice-Message: 1/0\r\n")
		for _, uri := range []string{"sip:*97@example.test", "sip:%2A97@192.0.2.1;user=phone"} {
			for user, waits := range map[string]string{"bob": "yes", "alice": "no"} {
				h := o.handset(user)
				o.expect(h.do("SUBSCRIBE", uri, "Event: message-summary"), "200 OK")
				o.has(h.next(), "Messages-Waiting: "+waits)
				o.expect(h.do("SUBSCRIBE", uri), "404 ")
			}
		}
		o.expect(o.handset("dave@other.test").do("SUBSCRIBE", "sip:*98@other.test", "Event: message-summary"), "404 ")
	})
}

func (o *office) says(body []byte, want string) {
	o.Helper()
	if string(body) != want {
		o.Errorf("it says\n%s\nwant\n%s", body, want)
	}
}

const (
	anHour  = "Expires: 3600"
	linksys = "User-Agent: Linksys/SPA962-6.1.5(a)" // which takes no "(0/0)"
)

// R19: phones that are registered and did not subscribe are told outside of any
// dialog, and never both ways.
func TestR19UnsolicitedMessages(t *testing.T) {
	inOffice(t, mailOffice, func(o *office) {
		spa := o.handset("alice")
		o.expect(spa.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour, linksys), "200 OK")
		spa.silent(time.Minute) // nobody has said that there is a mailbox
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 1/0 (0/0)\r\n")
		n := spa.next()
		o.expect(n, "NOTIFY "+spa.contact(), "Event: message-summary", "Subscription-State: terminated", "Content-Type: "+summaryType,
			"From: <"+aor("alice")+">;tag=.+", "To: <"+aor("alice")+">", "Contact: <sip:"+at+">")
		o.says(n.Body(), "Messages-Waiting: yes\r\nMessage-Account: sip:*97@example.test\r\nVoice-Message: 1/0\r\n")

		// Another comes, and is told once it had the time to subscribe.
		late := o.handset("alice")
		o.expect(late.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour), "200 OK")
		began := time.Now()
		o.has(late.next(), "Voice-Message: 1/0 (0/0)\r\n")
		if after := time.Since(began); after < time.Second || after > 3*time.Second {
			t.Errorf("it is told after %v", after)
		}
		// One that subscribes is told inside its dialog alone.
		other := o.handset("alice")
		o.expect(other.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour), "200 OK")
		d := other.subscribe("alice", "Event: message-summary")
		o.expect(d.next(), "NOTIFY", `Subscription-State: active;.*`)
		o.advance(5 * time.Second)
		o.mail("pbx", "alice", "no\r\nVoice-Message: 0/1 (0/0)\r\n")
		o.expect(d.next(), "NOTIFY", `Subscription-State: active;.*`)
		for _, h := range []*handset{spa, late} {
			o.has(h.next(), "Messages-Waiting: no")
		}
		// When the subscription is over it is told as the others are.
		o.expect(d.again("Expires: 0"), "200 OK")
		o.expect(d.next(), "NOTIFY", `Subscription-State: terminated;reason=timeout`)
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 1/1 (0/0)\r\n")
		o.expect(other.next(), "NOTIFY", "Subscription-State: terminated")
		other.silent(time.Minute)

		// A refresh is no news; what the voice mail says no longer is.
		for _, h := range []*handset{spa, late} {
			o.has(h.next(), "Voice-Message: 1/1")
		}
		o.expect(spa.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour, linksys), "200 OK")
		spa.silent(time.Minute)
		for range 2 { // until the publication ends
			o.expect(spa.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour, linksys), "200 OK")
			o.advance(35 * time.Minute)
		}
		o.has(spa.next(), "Messages-Waiting: no")
		spa.silent(time.Minute)
	})
}

// A phone that refuses is left alone; one that does not answer is tried again with
// patience, and told the newest.
func TestUnsolicitedMessagesRefusedAndLost(t *testing.T) {
	inOffice(t, mailOffice, func(o *office) {
		deaf, gone := o.handset("alice"), o.handset("bob")
		for _, h := range []*handset{deaf, gone} {
			o.expect(h.do("REGISTER", "sip:example.test", "To: <"+aor(h.user)+">", anHour), "200 OK")
		}
		deaf.status.Store(489)
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 1/0\r\n")
		deaf.next()
		o.advance(time.Second)
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 2/0\r\n")
		o.expect(deaf.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour), "200 OK")
		deaf.silent(10 * time.Minute)

		gone.status.Store(0)
		o.mail("pbx", "bob", "yes\r\nVoice-Message: 1/0\r\n")
		for range 11 { // Timer E's
			o.has(gone.next(), "Voice-Message: 1/0\r\n")
		}
		gone.silent(30 * time.Second)
		o.mail("pbx", "bob", "yes\r\nVoice-Message: 2/0\r\n")
		gone.status.Store(200)
		began := time.Now()
		o.has(gone.next(), "Voice-Message: 2/0\r\n")
		if after := time.Since(began); after > time.Minute {
			t.Errorf("tried again after %v", after)
		}
		gone.silent(10 * time.Minute)
	})
}

// After a restart phones are told again, not all at once.
func TestUnsolicitedMessagesAfterARestart(t *testing.T) {
	inOffice(t, mailOffice, func(o *office) {
		alice := o.handset("alice")
		o.expect(alice.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour), "200 OK")
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 1/0\r\n")
		alice.next()
		o.advance(time.Minute)
		o.crash()
		o.has(alice.next(), "Voice-Message: 1/0\r\n")
		alice.silent(10 * time.Minute)
	})
}

// --mwi subscribers: nobody is told who did not ask.
func TestMessagesForSubscribersAlone(t *testing.T) {
	inOffice(t, func(o *app.Options) { mailOffice(o); o.MWI = "subscribers" }, func(o *office) {
		alice := o.handset("alice")
		o.expect(alice.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", anHour), "200 OK")
		o.mail("pbx", "alice", "yes\r\nVoice-Message: 1/0\r\n")
		alice.silent(10 * time.Minute)
	})
}
