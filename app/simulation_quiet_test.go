package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing/synctest"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip/ua"
)

// quiet lets everything come to rest, without faults, and holds what each
// watcher has against what a new subscription is told, and what is acknowledged
// against what the server still knows.
func (s *simulation) quiet() {
	s.healthy()
	s.logf("quiet")
	s.ops.Wait()
	for _, p := range s.phones {
		if p.agent != nil && s.random.IntN(3) > 0 {
			p.settles()
		}
	}
	time.Sleep(6 * time.Minute) // probes, rates, and watchers that were told to be gone
	synctest.Wait()
	for _, winfo := range []bool{true, false} { // a fetch of presence is a watcher too
		for _, p := range s.phones {
			if p.agent == nil {
				continue
			}
			for _, w := range p.live() {
				if (w.event == "presence.winfo") == winfo {
					s.compare(w)
				}
			}
		}
	}
	s.compareOverRestart()
	s.askAll()
	s.refreshAll()
}

// compareOverRestart holds what watchers are told before a restart against what
// they are told after it, of whom nothing else has changed: a state does not
// depend on the order in which it came to be.
func (s *simulation) compareOverRestart() {
	if s.violated() {
		return
	}
	stored := s.allStored()
	before := map[*watch][]byte{}
	for _, p := range s.phones {
		for _, w := range p.live() {
			s.mu.Lock()
			before[w] = w.body
			s.mu.Unlock()
		}
	}
	s.kill()
	s.comesBack()
	time.Sleep(2 * time.Minute) // they are told one after the other
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for w, body := range before {
		d := s.audit.held(w)
		if d == nil || !s.audit.certain(d, time.Now()) || stored[d.aor] != s.storedOf(d.aor) || d.event != "presence" && d.event != "dialog" {
			continue
		}
		if !sameState(d.event, body, w.body) {
			s.fail("b", "before a restart %v is told of %s of %s:\n%s\nand after it:\n%s", w.phone, d.event, d.aor, body, w.body)
		}
	}
}

// allStored is what is stored of every user's state, as text.
func (s *simulation) allStored() map[event.AoR]string {
	all := map[event.AoR]string{}
	for n := range simUsers {
		all[simAoR(n)] = s.storedOf(simAoR(n))
	}
	return all
}

func (s *simulation) storedOf(aor event.AoR) (text string) {
	for _, name := range []string{"presence", "dialog", "reg"} {
		text += fmt.Sprintln(name, s.disk.tokens(aor, name, time.Now()))
	}
	return text
}

// settles sees to it that there is something to compare.
func (p *simPhone) settles() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	sl := p.slots["presence"]
	if time.Now().After(sl.until) {
		sl.tag = ""
	}
	_ = sl.publish(ctx, p.agent, 20*time.Minute, p.document(sl, p.s.random.IntN(4)))
	of := string(simAoR(p.s.random.IntN(simUsers)))
	if !p.watching(of, "presence") {
		p.newWatch(of, "presence").begin(ctx, p.agent, ua.SubscribeOptions{Expires: 20 * time.Minute})
	}
}

// compare holds what a watcher has against a fetch, and against the model.
func (s *simulation) compare(w *watch) {
	s.mu.Lock()
	d := s.audit.held(w)
	skip := s.violation != "" || d == nil || !s.audit.certain(d, time.Now().Add(time.Minute))
	held := w.body
	s.mu.Unlock()
	if skip {
		return
	}
	fetched, err := w.fetch()
	if err != nil {
		s.failf("b", "%v cannot fetch %s of %s: %v", w.phone, w.event, w.aor, err)
		return
	}
	if !sameState(w.event, held, fetched) {
		s.failf("b", "%v holds of %s of %s in %s:\n%s\na new subscription is told:\n%s", w.phone, w.event, w.aor, short(w.callID), held, fetched)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkModel(d, fetched)
}

// sameState compares documents of a package. That a dialog, a binding or a watcher
// that had ended is forgotten is told to nobody.
func sameState(name string, a, b []byte) bool {
	switch name {
	case "presence":
		return bytes.Equal(withoutVersion(a), withoutVersion(b))
	case "dialog":
		return bytes.Equal(withoutEnded(a), withoutEnded(b))
	}
	return slices.Equal(tokensOf(name, a), tokensOf(name, b))
}

// withoutEnded is a lamp's document with the dialogs alone that go on.
func withoutEnded(body []byte) []byte {
	doc, err := dialoginfo.Parse(body)
	if err != nil {
		return body
	}
	doc.Dialogs = slices.DeleteFunc(doc.Dialogs, func(d dialoginfo.Dialog) bool { return d.State == dialoginfo.Terminated })
	return doc.Append(nil, 0)
}

// held is the dialog that a watcher has.
func (a *auditor) held(w *watch) *simDialog {
	tag := w.sub.Dialog().RemoteTag
	for _, d := range a.dialogs[w.callID] {
		if d.tag == tag {
			return d
		}
	}
	return nil
}

// fetch asks for the state once.
func (w *watch) fetch() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var body []byte
	sub, err := w.phone.agent.Subscribe(ctx, w.aor, w.event, ua.SubscribeOptions{OnNotify: func(n ua.Notify) { body = n.Body }})
	if err != nil {
		return nil, err
	}
	<-sub.Done()
	if !errors.Is(sub.Err(), ua.ErrEnded) {
		return nil, sub.Err()
	}
	return body, nil
}

// checkModel: what is shown is what was acknowledged and lives, and nothing
// that was not published.
func (s *simulation) checkModel(d *simDialog, body []byte) {
	a, now := s.audit, time.Now()
	told := tokensOf(d.event, body)
	if d.event == "presence.winfo" {
		if want := s.disk.tokens(d.aor, d.event, now); !slices.Equal(told, want) {
			s.fail("b", "the watchers of %s are told to be %v, and are %v", d.aor, told, want)
		}
	}
	if g := a.grant(d.aor, d.watcher, d.event); g.Handling != event.Allow || g.Rights != event.RightsAll || d.event != "presence" && d.event != "dialog" {
		return
	}
	for _, token := range told {
		if !a.mayTell(d.aor, d.event, token, now) {
			s.fail("b", "%s of %s tells %s, which nobody publishes", d.event, d.aor, token)
		}
	}
	for etag, pub := range a.pubs {
		if pub.tx.aor != d.aor || pub.tx.event != d.event || !a.certainTag(etag, now) {
			continue
		}
		for _, token := range pub.tokens {
			if !slices.Contains(told, token) {
				s.fail("b", "%s of %s does not tell %s, which was acknowledged as %s", d.event, d.aor, token, short(etag))
			}
		}
	}
}

// askAll asks for every acknowledged entity-tag, and for all bindings. The
// auditor knows what the answers must be.
func (s *simulation) askAll() {
	for etag, p := range s.known() {
		if s.violated() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		sl := p.slots[s.eventOf(etag)]
		one := ua.Publication{Event: sl.event, IfMatch: etag, Expires: 10 * time.Minute}
		r, err := p.agent.Publish(ctx, one)
		if err == nil && sl.tag == etag {
			sl.tag, sl.until = r.ETag, time.Now().Add(r.Expires)
		}
		if err != nil {
			s.failf("a", "%v cannot refresh the acknowledged entity-tag %s: %v", p, etag, err)
		}
		cancel()
	}
	for _, p := range s.phones {
		if p.agent == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := p.bindings(ctx); err != nil {
			s.failf("a", "%v cannot ask for its bindings: %v", p, err)
		}
		cancel()
	}
}

func (s *simulation) eventOf(etag string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.audit.tags[etag].event
}

// known lists the entity-tags that must be good for a while, each with a phone
// of its user, the one that published it if that is there.
func (s *simulation) known() map[string]*simPhone {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := map[string]*simPhone{}
	for etag, pub := range s.audit.pubs {
		if !s.audit.certainTag(etag, time.Now().Add(time.Minute)) {
			continue
		}
		for _, p := range s.phones {
			if p.agent != nil && p.aor == pub.tx.aor && (list[etag] == nil || p.n == pub.tx.phone) {
				list[etag] = p
			}
		}
	}
	return list
}

// refreshAll refreshes every subscription, which a lost one does not survive.
func (s *simulation) refreshAll() {
	for _, p := range s.phones {
		if p.agent == nil || s.violated() {
			continue
		}
		for _, w := range p.live() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_ = w.sub.Refresh(ctx, 30*time.Minute)
			cancel()
		}
	}
}

// leave lets everybody leave, some with a word and some without, and looks at
// what is left when all time has passed: nothing.
func (s *simulation) leave() {
	s.quiet()
	for _, p := range s.phones {
		if p.agent != nil && s.random.IntN(2) == 0 {
			p.leave()
		}
		p.close()
	}
	time.Sleep(8 * 24 * time.Hour) // who waits for an answer is kept in mind for a week
	s.mu.Lock()
	s.checkEnds()
	s.mu.Unlock()
	if n := s.disk.Len(); n > 0 {
		s.failf("f", "%d records are left: %s", n, s.disk.left())
	}
	if err := s.server.Stop(); err != nil {
		s.failf("f", "the server did not stop: %v", err)
	}
	if next := s.server.owners.Next(); !next.IsZero() {
		s.failf("f", "a deadline is left, at %v", next.Sub(s.began))
	}
	stages := map[string]any{"compositor": s.server.esc, "registrar": s.server.registrar, "notifier": s.server.notifier}
	for name, stage := range stages {
		if n := held(reflect.ValueOf(stage).Elem().FieldByName("shares")); n > 0 {
			s.failf("f", "the %s still holds %d", name, n)
		}
	}
}

// leave takes back all that the phone has.
func (p *simPhone) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, w := range p.live() {
		_ = w.sub.Unsubscribe(ctx)
	}
	for _, sl := range p.slots {
		if sl.tag != "" {
			_ = sl.publish(ctx, p.agent, 0)
		}
	}
	_, _ = p.agent.Register(ctx, 0)
}

// checkEnds: each subscription was ended once, unless there is an excuse.
func (s *simulation) checkEnds() {
	for _, d := range s.audit.every() {
		if d.subscribed && !d.over && !d.lost && d.unanswered == 0 && (d.excuse == "" || d.excuse == excuseRules) {
			s.audit.fail(d, "e", "a subscription never ended")
		}
	}
}

// left describes the records that are left.
func (d *disk) left() (text string) {
	_ = d.Load(nil, func(r owner.Record) error {
		key, kind, id, _ := owner.ParseKey(r.Key)
		text += fmt.Sprintf("\n%s %c %s", key, kind, id)
		return nil
	})
	return text
}

// held counts what maps hold, in arrays and structs too.
func held(v reflect.Value) (n int) {
	switch v.Kind() {
	case reflect.Map:
		return v.Len()
	case reflect.Array:
		for i := range v.Len() {
			n += held(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += held(v.Field(i))
		}
	}
	return n
}
