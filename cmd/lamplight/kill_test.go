package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/sip"
	"lamplight/sip/ua"
)

// What a crew does between two kills.
const (
	crewSize     = 12
	publications = 8 // of one user, at most
	watching     = 4 // colleagues, in two event packages
	breath       = 20 * time.Millisecond
)

// TestKill9Soak kills the server in the middle of its work, again and again,
// and asks it afterwards for everything that it had acknowledged: each
// entity-tag, binding and subscription, whose numbers must go on rising.
// LAMPLIGHT_KILLS says how often.
func TestKill9Soak(t *testing.T) {
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("LAMPLIGHT_KILLS")); err == nil {
		kills = n
	}
	data := filepath.Join(t.TempDir(), "data")
	var list strings.Builder
	for i := range crewSize {
		fmt.Fprintf(&list, "user%d@example.test\tsecret\n", i)
	}
	succeed(t, list.String(), "user", "add", "--stdin", "--data", data)

	server, addr := serve(t, "--data", data)
	crew := newCrew(t, addr)
	for i := range kills {
		crew.work(t, 50+rand.IntN(400), func() { _ = server.Process.Kill() })
		_ = server.Wait()
		before := crew.acknowledged()
		server, _ = serve(t, "--data", data, "--listen", "udp:"+addr)
		crew.ask(t, i)
		t.Logf("kill %d: %s", i+1, before)
	}
}

// crew are the users' agents. acks counts what the server acknowledged.
type crew struct {
	mates []*mate
	acks  atomic.Int64
}

func newCrew(t *testing.T, server string) *crew {
	c := &crew{}
	for i := range crewSize {
		a, err := ua.New(ua.Options{User: fmt.Sprintf("sip:user%d@example.test", i), Server: server, Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		c.mates = append(c.mates, &mate{crew: c, agent: a, number: i})
	}
	return c
}

// work has all of them at it until so much is acknowledged; then it ends the
// server, and those who wait for an answer give up.
func (c *crew) work(t *testing.T, acks int, kill func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c.acks.Store(0)
	enough := make(chan struct{})
	var working sync.WaitGroup
	for _, m := range c.mates {
		working.Go(func() {
			for ctx.Err() == nil {
				if err := m.act(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
					cancel()
				}
				if c.acks.Load() >= int64(acks) {
					select {
					case enough <- struct{}{}:
					case <-ctx.Done():
					}
				}
			}
		})
	}
	select {
	case <-enough:
	case <-ctx.Done():
	}
	kill()
	cancel()
	working.Wait()
}

// acknowledged tells how much there is to ask for.
func (c *crew) acknowledged() string {
	tags, lamps, bound := 0, 0, 0
	for _, m := range c.mates {
		tags, lamps = tags+len(m.tags), lamps+len(m.lamps)
		if m.bound {
			bound++
		}
	}
	return fmt.Sprintf("%d entity-tags, %d subscriptions, %d bindings", tags, lamps, bound)
}

func (c *crew) ask(t *testing.T, round int) {
	t.Helper()
	var asking sync.WaitGroup
	for _, m := range c.mates {
		asking.Go(func() { m.ask(t, round) })
	}
	asking.Wait()
}

// mate is one user: what the server acknowledged of him, and nobody has changed
// since. What was under way when the server was killed may be so or not.
type mate struct {
	crew   *crew
	agent  *ua.Agent
	number int
	steps  int
	tags   []tag
	lamps  []*killLamp
	bound  bool
	full   bool // there are as many publications as there may be
}

// tag is a live publication.
type tag struct{ event, etag string }

// killLamp is one subscription, and the last it was told.
type killLamp struct {
	*ua.Subscription
	mu      sync.Mutex
	cseq    uint32
	version int64
	notices int
	wrong   error
}

var version = regexp.MustCompile(` version="(\d+)"`)

func (l *killLamp) heard(n ua.Notify) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := int64(-1)
	if found := version.FindSubmatch(n.Body[min(len(n.Body), 40):]); found != nil && n.Event == "dialog" {
		v, _ = strconv.ParseInt(string(found[1]), 10, 64)
	}
	if n.CSeq <= l.cseq || v >= 0 && l.notices > 0 && v <= l.version {
		l.wrong = fmt.Errorf("%s of %s: CSeq %d after %d, version %d after %d", n.Event, n.AoR, n.CSeq, l.cseq, v, l.version)
	}
	l.cseq, l.version = n.CSeq, v
	l.notices++
}

// act does the next thing, and takes note of it when it is acknowledged.
func (m *mate) act(ctx context.Context) (err error) {
	m.steps++
	switch {
	case m.steps%7 == 1:
		_, err = m.agent.Register(ctx, time.Hour)
		m.bound = m.bound || err == nil
	case m.steps%3 == 0 && len(m.lamps) < 2*watching:
		err = m.watch(ctx)
	case len(m.tags) < publications && !m.full:
		err = m.publish(ctx, tag{event: []string{"presence", "dialog"}[m.steps%2]})
	default:
		one := m.tags[0] // until it is acknowledged anew, nobody knows what holds
		m.tags = m.tags[1:]
		err = m.publish(ctx, one)
	}
	if err == nil {
		m.crew.acks.Add(1)
	}
	select {
	case <-ctx.Done():
	case <-time.After(breath):
	}
	return err
}

func (m *mate) watch(ctx context.Context) error {
	l := &killLamp{}
	n := len(m.lamps)
	whom := fmt.Sprintf("sip:user%d@example.test", (m.number+1+n/2)%crewSize)
	s, err := m.agent.Subscribe(ctx, whom, []string{"presence", "dialog"}[n%2], ua.SubscribeOptions{
		Expires: time.Hour, ID: strconv.Itoa(m.steps), NoRefresh: true, OnNotify: l.heard})
	if l.Subscription = s; err == nil {
		m.lamps = append(m.lamps, l)
	}
	return err
}

// publish begins a publication, or modifies it every other time.
func (m *mate) publish(ctx context.Context, one tag) error {
	p := ua.Publication{Event: one.event, IfMatch: one.etag, Expires: time.Hour}
	if one.etag == "" || m.steps%2 == 0 {
		p.Type, p.Body = m.document(one.event)
	}
	r, err := m.agent.Publish(ctx, p)
	var status *ua.StatusError
	if errors.As(err, &status) && status.Code == 500 && one.etag == "" {
		m.full = true // with those that were under way at a kill
		return nil
	}
	if err == nil {
		m.tags = append(m.tags, tag{one.event, r.ETag})
	}
	return err
}

func (m *mate) document(event string) (mediaType string, body []byte) {
	if event == "dialog" {
		d := dialoginfo.Info{Entity: m.agent.AoR(), Dialogs: []dialoginfo.Dialog{{ID: fmt.Sprint("d", m.steps), State: "confirmed"}}}
		return dialoginfo.Type, d.Append(nil, 0)
	}
	doc := pidf.Presence{Entity: m.agent.AoR(), Tuples: []pidf.Tuple{{ID: fmt.Sprint("t", m.steps), Basic: "open"}}}
	return pidf.Type, doc.Append(nil)
}

// ask asks for all that was acknowledged.
func (m *mate) ask(t *testing.T, round int) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, one := range m.tags {
		r, err := m.agent.Publish(ctx, ua.Publication{Event: one.event, IfMatch: one.etag, Expires: time.Hour})
		if err != nil {
			t.Errorf("round %d: user%d: %s is lost: %v", round, m.number, one.etag, err)
			continue
		}
		m.tags[i].etag = r.ETag
	}
	if m.bound {
		m.askBinding(ctx, t)
	}
	for _, l := range m.lamps {
		l.ask(ctx, t)
	}
}

func (m *mate) askBinding(ctx context.Context, t *testing.T) {
	resp, err := m.agent.Do(ctx, sip.Request{Method: sip.REGISTER, URI: "sip:example.test", To: "<" + m.agent.AoR() + ">"})
	if err != nil || resp.Status() != 200 {
		t.Errorf("user%d asks for the binding: %v", m.number, err)
		return
	}
	for c := range resp.Elements(sip.Contact) {
		if strings.Contains(string(c), m.agent.Contact()) {
			return
		}
	}
	t.Errorf("user%d: the binding is lost:\n%s", m.number, resp.Bytes())
}

// ask waits for what the server says by itself after its start, and refreshes.
func (l *killLamp) ask(ctx context.Context, t *testing.T) {
	l.mu.Lock()
	began := l.notices
	l.mu.Unlock()
	if err := l.Refresh(ctx, 0); err != nil {
		t.Errorf("a subscription is lost: %v", err)
		return
	}
	for {
		l.mu.Lock()
		notices, wrong := l.notices, l.wrong
		l.mu.Unlock()
		switch {
		case wrong != nil:
			t.Error(wrong)
			return
		case notices > began:
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Error("a subscription is refreshed and not told")
			return
		}
	}
}
