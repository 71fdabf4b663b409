package ua_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
)

// compositor is a script that keeps one publication.
type compositor struct {
	least, most uint32        // of Expires, in seconds
	slow        time.Duration // before it answers

	mu    sync.Mutex
	etag  string
	fails []int // statuses of the next answers
	count int
	open  int
	log   []string
}

func (c *compositor) serve(p *peer, r *transaction.Request) {
	c.change(func() {
		if c.open++; c.open > 1 {
			p.t.Error("two PUBLISHes at once")
		}
	})
	time.AfterFunc(c.slow, func() { c.change(func() { c.open--; c.publish(r) }) })
}

func (c *compositor) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *compositor) publish(r *transaction.Request) {
	m := &r.Message
	expires, _, _ := m.Expires()
	match := string(m.Value(sip.SIPIfMatch))
	c.log = append(c.log, fmt.Sprintf("%s/%s/%d", match, m.Body(), expires))
	switch {
	case len(c.fails) > 0:
		status := c.fails[0]
		c.fails = c.fails[1:]
		answer(r, status, "Retry-After: 30")
	case match != c.etag:
		answer(r, 412)
	case expires > 0 && expires < c.least:
		answer(r, 423, fmt.Sprintf("Min-Expires: %d", c.least))
	default:
		c.count++
		c.etag = fmt.Sprintf("e%d", c.count)
		etag := c.etag
		if expires == 0 {
			c.etag = ""
		}
		answer(r, 200, "SIP-ETag: "+etag, fmt.Sprintf("Expires: %d", min(expires, c.most)))
	}
}

// said is what was published since the last time.
func (c *compositor) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := strings.Join(c.log, " ")
	c.log = nil
	return s
}

func TestPublishOperations(t *testing.T) { // RFC 3903 §4.1, table 1
	c := &compositor{most: 600}
	inMemory(t, ua.Options{}, c.serve, func(t *testing.T, p *peer, a *ua.Agent) {
		for i, op := range []ua.Publication{
			{Body: []byte("one"), Expires: time.Hour},
			{IfMatch: "e1", Expires: time.Minute},
			{IfMatch: "e2", Body: []byte("two"), Expires: time.Minute},
			{IfMatch: "e3"},
		} {
			op.AoR, op.Event = "alice@example.test", "presence"
			if op.Body != nil {
				op.Type = "application/pidf+xml"
			}
			r, err := a.Publish(soon(t), op)
			want := ua.Result{ETag: fmt.Sprintf("e%d", i+1), Expires: min(op.Expires, 10*time.Minute)}
			if err != nil || r != want {
				t.Errorf("%+v: %v, %v; want %v", op, r, err, want)
			}
		}
		expect(t, "on the wire", c.said(), "/one/3600 e1//60 e2/two/60 e3//0")
		_, err := a.Publish(soon(t), ua.Publication{Event: "presence", IfMatch: "x", Expires: ua.ByServer})
		var status *ua.StatusError
		if !errors.As(err, &status) || status.Code != 412 || err.Error() != "ua: 412 Conditional Request Failed" {
			t.Errorf("an unknown tag: %v", err)
		}
		sent := p.requests(sip.PUBLISH)
		expect(t, "Request-URI", string(sent[0].RequestURI()), "sip:alice@example.test")
		expect(t, "Event", string(sent[0].Value(sip.Event)), "presence")
		expect(t, "Content-Type", string(sent[0].Value(sip.ContentType)), "application/pidf+xml")
		expect(t, "Expires left to the server", sent[4].Has(sip.Expires), false)
		if from := string(sent[0].Value(sip.From)); !strings.HasPrefix(from, "<sip:bob@example.test>;tag=") {
			t.Errorf("From: %s", from)
		}
	})
}

func publish(t *testing.T, p *ua.Publisher, body string) {
	t.Helper()
	if _, err := p.Publish(soon(t), "a/b", []byte(body)); err != nil {
		t.Errorf("%s: %v", body, err)
	}
}

func TestAPublisherKeepsItsPublication(t *testing.T) {
	c := &compositor{least: 60, most: 90, slow: time.Second}
	inMemory(t, ua.Options{}, c.serve, func(t *testing.T, p *peer, a *ua.Agent) {
		pub := a.NewPublisher("", "presence", 10*time.Second)
		if _, err := pub.Refresh(soon(t)); err == nil {
			t.Error("nothing was refreshed")
		}
		publish(t, pub, "one")
		expect(t, "what is too brief", c.said(), "/one/10 /one/60")
		publish(t, pub, "two")
		expect(t, "a change", c.said(), "e1/two/60")
		expect(t, "the last success", pub.Last(), ua.Result{ETag: "e2", Expires: time.Minute})
		pass(65 * time.Second)
		expect(t, "refreshes have no body", c.said(), "e2//60 e3//60")
		c.change(func() { c.etag = "" }) // the server has lost it
		pass(30 * time.Second)
		expect(t, "it begins anew", c.said(), "e4//60 /two/60")
		c.change(func() { c.fails = []int{503, 500} })
		pass(100 * time.Second)
		expect(t, "failures pass", c.said(), "e5//60 e5//60 e5//60")
		go pub.Publish(soon(t), "a/b", []byte("three"))
		go pub.Refresh(soon(t))
		pass(3 * time.Second)
		if said := c.said(); !strings.Contains(said, "/three/60") {
			t.Errorf("two at once: %s", said)
		}
		if err := pub.Remove(soon(t)); err != nil {
			t.Error(err)
		}
		expect(t, "removed", strings.HasSuffix(c.said(), "//0"), true)
		expect(t, "nothing is left", pub.Last(), ua.Result{})
		pass(time.Hour)
		expect(t, "nor refreshed", c.said(), "")
		publish(t, pub, "four")
		expect(t, "another", c.said(), "/four/60")
		c.change(func() { c.etag = "gone" })
		if err := pub.Remove(soon(t)); err != nil {
			t.Errorf("what is gone can be removed: %v", err)
		}
	})
}

func TestARefusedPublicationIsNotRepeated(t *testing.T) {
	c := &compositor{most: 90, fails: []int{403}}
	inMemory(t, ua.Options{}, c.serve, func(t *testing.T, p *peer, a *ua.Agent) {
		pub := a.NewPublisher("", "presence", time.Minute)
		if _, err := pub.Publish(soon(t), "a/b", []byte("x")); err == nil {
			t.Error("no error")
		}
		pass(time.Hour)
		expect(t, "sent", c.said(), "/x/60")
	})
}

// While the server is away the newest document waits.
func TestAPublicationWaitsForTheServer(t *testing.T) {
	c := &compositor{most: 90, fails: []int{503, 503}}
	inMemory(t, ua.Options{}, c.serve, func(t *testing.T, p *peer, a *ua.Agent) {
		pub := a.NewPublisher("", "presence", time.Minute)
		for _, body := range []string{"one", "two"} {
			if _, err := pub.Publish(soon(t), "a/b", []byte(body)); err == nil {
				t.Error("no error")
			}
		}
		pass(31 * time.Second)
		expect(t, "sent", c.said(), "/one/60 /two/60 /two/60")
	})
}
