package ua_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
)

// guarded lets a request through to a script if its digest is right.
func guarded(v *digest.Verifier, realm string, script func(*peer, *transaction.Request)) func(*peer, *transaction.Request) {
	return func(p *peer, r *transaction.Request) {
		_, err := v.Verify(&r.Message, sip.Authorization, realm, func(user string) (digest.HA1s, string, bool) {
			return digest.Hash("bob", realm, "secret"), user, user == "bob"
		})
		if err != nil {
			answer(r, 401, strings.TrimSuffix(string(v.Challenge(sip.WWWAuthenticate, realm, errors.Is(err, digest.ErrStale))), "\r\n"))
			return
		}
		script(p, r)
	}
}

func verifier(now func() time.Time) *digest.Verifier {
	return digest.New([32]byte{1}, now, digest.Options{})
}

func ok(p *peer, r *transaction.Request) { answer(r, 200, "SIP-ETag: e", "Expires: 60") }

func TestDigestIsAnsweredOnceAndThenBeforehand(t *testing.T) {
	inMemory(t, ua.Options{Password: "secret"}, guarded(verifier(time.Now), "example.test", ok), func(t *testing.T, p *peer, a *ua.Agent) {
		for i, want := range []int{2, 3, 4} {
			if _, err := a.Register(soon(t), time.Minute); err != nil {
				t.Fatal(err)
			}
			sent := p.requests(sip.REGISTER)
			expect(t, "REGISTERs", len(sent), want)
			last := string(sent[len(sent)-1].Value(sip.Authorization))
			if !strings.Contains(last, fmt.Sprintf("nc=%08x", i+1)) || !strings.Contains(last, "algorithm=SHA-256") {
				t.Errorf("Authorization: %s", last)
			}
			one, _ := sent[len(sent)-2].CSeq()
			two, _ := sent[len(sent)-1].CSeq()
			if two.Number != one.Number+1 || string(sent[0].CallID()) != string(sent[len(sent)-1].CallID()) {
				t.Errorf("CSeq %d after %d: each is one more", two.Number, one.Number)
			}
		}
		pass(digest.NonceLife)
		if _, err := a.Register(soon(t), time.Minute); err != nil {
			t.Fatal(err)
		}
		expect(t, "REGISTERs with a stale nonce", len(p.requests(sip.REGISTER)), 6)
	})
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	for _, c := range []struct {
		o    ua.Options
		sent int
	}{
		{ua.Options{Password: "wrong"}, 2},
		{ua.Options{Username: "eve", Password: "secret"}, 2},
		{ua.Options{}, 1},
		{ua.Options{Password: "secret", Realm: "elsewhere.test"}, 1},
	} {
		inMemory(t, c.o, guarded(verifier(time.Now), "example.test", ok), func(t *testing.T, p *peer, a *ua.Agent) {
			_, err := a.Register(soon(t), time.Minute)
			var status *ua.StatusError
			if !errors.As(err, &status) || status.Code != 401 {
				t.Errorf("%v: %v, want 401", c.o, err)
			}
			sent := p.requests(sip.REGISTER)
			expect(t, "REGISTERs", len(sent), c.sent)
			if c.sent == 1 && sent[0].Has(sip.Authorization) {
				t.Error("a challenge was answered that should not be")
			}
		})
	}
}

// A server whose nonces are always stale is not asked for ever.
func TestStaleIsBelievedTwice(t *testing.T) {
	script := func(p *peer, r *transaction.Request) {
		answer(r, 401, `WWW-Authenticate: Digest realm="a", nonce="1", stale=true`)
	}
	inMemory(t, ua.Options{Password: "secret"}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		m, err := a.Do(soon(t), sip.Request{Method: sip.OPTIONS})
		if err != nil || m.Status() != 401 {
			t.Errorf("%v, %v", m, err)
		}
		expect(t, "requests", len(p.requests(sip.OPTIONS)), 3)
	})
}

func TestAProxyAndTheServerChallenge(t *testing.T) {
	script := func(p *peer, r *transaction.Request) {
		switch {
		case !r.Message.Has(sip.ProxyAuthorization):
			answer(r, 407, `Proxy-Authenticate: Digest realm="proxy", nonce="1", qop="auth"`)
		case !r.Message.Has(sip.Authorization):
			answer(r, 401, `WWW-Authenticate: Digest realm="server", nonce="2"`)
		default:
			answer(r, 200)
		}
	}
	inMemory(t, ua.Options{Password: "secret"}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		for range 2 {
			m, err := a.Do(soon(t), sip.Request{Method: sip.OPTIONS, URI: "sip:example.test"})
			if err != nil || m.Status() != 200 {
				t.Errorf("%v, %v", m, err)
			}
		}
		expect(t, "requests", len(p.requests(sip.OPTIONS)), 4)
	})
}

func TestRegister(t *testing.T) {
	brief := 60
	script := func(p *peer, r *transaction.Request) {
		expires, _, _ := r.Message.Expires()
		if expires > 0 && int(expires) < brief {
			answer(r, 423, fmt.Sprintf("Min-Expires: %d", brief))
			return
		}
		answer(r, 200, "Contact: <sip:bob@192.0.2.1>;expires=9", fmt.Sprintf("Contact: %s;expires=%d", r.Message.Value(sip.Contact), expires))
	}
	o := ua.Options{Instance: "urn:uuid:00000000-0000-0000-0000-000000000001"}
	inMemory(t, o, script, func(t *testing.T, p *peer, a *ua.Agent) {
		_, err := a.Register(soon(t), time.Second)
		var status *ua.StatusError
		if !errors.As(err, &status) || status.Code != 423 || status.MinExpires != time.Minute {
			t.Errorf("too brief: %v", err)
		}
		granted, err := a.Register(soon(t), time.Hour)
		if err != nil || granted != time.Hour {
			t.Errorf("%v, %v", granted, err)
		}
		if err := a.KeepRegistered(soon(t), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		pass(10*time.Minute + 7*time.Second)
		kept := len(p.requests(sip.REGISTER)) - 4
		if kept < 10 || kept > 20 {
			t.Errorf("%d REGISTERs in ten minutes, with 60 s granted", kept)
		}
		if err := a.Unregister(soon(t)); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		sent := p.requests(sip.REGISTER)
		expect(t, "REGISTERs at the end", len(sent), kept+5)
		last := sent[len(sent)-1]
		expect(t, "the last one's Expires", string(last.Value(sip.Expires)), "0")
		expect(t, "Request-URI", string(last.RequestURI()), "sip:example.test")
		expect(t, "Contact", string(last.Value(sip.Contact)),
			fmt.Sprintf(`<sip:bob@%s>;+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>"`, a.Local()))
	})
}

// A refresh that waits while the binding is taken away does not bring it back.
func TestUnregisterIsTheLastWord(t *testing.T) {
	script := func(p *peer, r *transaction.Request) {
		time.AfterFunc(10*time.Second, func() { answer(r, 200, "Expires: 60") })
	}
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		if err := a.KeepRegistered(soon(t), time.Minute); err != nil { // refreshed 30 s later
			t.Fatal(err)
		}
		pass(25 * time.Second)
		go a.Register(soon(t), time.Minute)
		pass(2 * time.Second)
		go a.Unregister(soon(t))
		pass(time.Hour)
		sent := p.requests(sip.REGISTER)
		expect(t, "REGISTERs", len(sent), 3)
		expect(t, "the last one's Expires", string(sent[len(sent)-1].Value(sip.Expires)), "0")
	})
}

// A registrar that is away for a while is asked again.
func TestRegistrationIsTriedAgain(t *testing.T) {
	var away atomic.Bool
	away.Store(true)
	script := func(p *peer, r *transaction.Request) {
		if away.Load() {
			r.Drop()
			return
		}
		answer(r, 200, "Expires: 3600")
	}
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		if err := a.KeepRegistered(context.Background(), time.Hour); !errors.Is(err, transaction.ErrTimeout) {
			t.Errorf("%v, want ErrTimeout", err)
		}
		away.Store(false)
		before := len(p.requests(sip.REGISTER))
		pass(2 * time.Second)
		expect(t, "REGISTERs", len(p.requests(sip.REGISTER)), before+1)
	})
}

func TestAContextEndsTheWait(t *testing.T) {
	inMemory(t, ua.Options{}, func(_ *peer, r *transaction.Request) { r.Drop() }, func(t *testing.T, p *peer, a *ua.Agent) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := a.Do(ctx, sip.Request{Method: sip.OPTIONS}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		expect(t, "waited", time.Since(begun), 3*time.Second)
	})
}

func TestCloseEndsAll(t *testing.T) {
	script := func(p *peer, r *transaction.Request) {
		if r.Message.Method() == sip.OPTIONS {
			r.Drop()
			return
		}
		subscriptions(make(chan *notifier, 1))(p, r)
	}
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour, Keep: true})
		ended := make(chan error)
		go func() {
			_, err := a.Do(context.Background(), sip.Request{Method: sip.OPTIONS})
			ended <- err
		}()
		pass(time.Second)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		expect(t, "a request under way", <-ended, ua.ErrClosed)
		<-s.Done()
		expect(t, "a subscription", s.Err(), ua.ErrClosed)
		before := p.count()
		pass(2 * time.Hour)
		expect(t, "requests after Close", p.count(), before)
		if _, err := a.Subscribe(soon(t), "", "presence", ua.SubscribeOptions{}); !errors.Is(err, ua.ErrClosed) {
			t.Errorf("Subscribe after Close: %v", err)
		}
		if _, err := a.Register(soon(t), time.Hour); !errors.Is(err, ua.ErrClosed) {
			t.Errorf("Register after Close: %v", err)
		}
	})
}

func TestWhatNewAndOthersRefuse(t *testing.T) {
	for _, o := range []ua.Options{
		{User: "alice@", Server: "127.0.0.1:5060"},
		{User: "alice@example.test>\r\nX: y", Server: "127.0.0.1:5060"},
		{User: "alice@example.test", Server: "127.0.0.1:x"},
		{User: "alice@example.test", Server: ""},
		{User: "alice@example.test", Server: "127.0.0.1", Local: "127.0.0.1"},
		{User: "alice@example.test", Server: "127.0.0.1", UserAgent: "a\r\nb"},
		{User: "alice@example.test", Server: "192.0.2.1", Local: "127.0.0.1:0"},
	} {
		if a, err := ua.New(o); err == nil {
			t.Errorf("%+v was taken", o)
			a.Close()
		}
	}
	inMemory(t, ua.Options{}, ok, func(t *testing.T, p *peer, a *ua.Agent) {
		if _, err := a.Publish(soon(t), ua.Publication{AoR: "alice example.test", Event: "presence"}); err == nil {
			t.Error("a broken address was taken")
		}
		if _, err := a.Publish(soon(t), ua.Publication{Event: "presence", IfMatch: "x\r\ny: z"}); err == nil {
			t.Error("a line break in an entity-tag was taken")
		}
		if _, err := a.Subscribe(soon(t), "", "presence\n", ua.SubscribeOptions{}); err == nil {
			t.Error("a line break in an event was taken")
		}
		expect(t, "requests", p.count(), 0)
	})
}

func TestOverRealSockets(t *testing.T) {
	p := newPeer(t, nil, guarded(verifier(time.Now), "example.test", func(p *peer, r *transaction.Request) {
		if r.Message.Method() == sip.SUBSCRIBE {
			subscriptions(make(chan *notifier, 1))(p, r)
			return
		}
		ok(p, r)
	}))
	defer p.layer.Close()
	a := p.agent(ua.Options{User: "bob@example.test", Password: "secret"})
	defer a.Close()
	if err := a.KeepRegistered(soon(t), time.Hour); err != nil {
		t.Fatal(err)
	}
	if r, err := a.Publish(soon(t), ua.Publication{Event: "presence", Type: "a/b", Body: []byte("x"), Expires: time.Hour}); err != nil || r.ETag != "e" {
		t.Errorf("%v, %v", r, err)
	}
	s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour})
	expect(t, "the NOTIFY", next(t, s), "active state")
}
