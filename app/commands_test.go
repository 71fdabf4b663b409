package app_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/messagesummary"
	"lamplight/body/pidf"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/policy"
)

// commands are what scripts may say. Times are 30s or 5m, intervals seconds; a
// user without a domain is of example.test.
//
//	publish USER [STATE] [note=N] [expires=S] [if-match=E1] [by=USER] [peer] [event=E]
//	        [entity=URI] [type=T] [body=TEXT] [tuple=ID]
//	                                               without STATE or body: no document
//	publish USER early|confirmed|terminated call=ID with=USER [...]
//	                                               of the event dialog
//	publish USER messages="yes 2/8 [ACCOUNT]" [...]
//	                                               of the event message-summary
//	subscribe WATCHER USER [EVENT] [expires=S] [as=NAME] [device=D] [browser] [silent] [stranger]
//	refresh NAME [expires=S] [by=USER] [moved]     NAME is WATCHER unless as= says another; moved: by
//	                                               another way, and the old one is NAME-before
//	unsubscribe NAME
//	fetch WATCHER USER [EVENT]
//	answer NAME 200|timeout|481|gone|lost          what a silent phone says to its notification
//	park NAME                                      the way to it is lost
//	rule USER block|polite-block|confirm|allow WATCHER... [rights=R] [stored|unheard]
//	                                               stored: the running server doesn't hear of it;
//	                                               unheard: its policy does, and nobody asks it
//	rule USER none                                 the domain's rules again
//	put USER STATE id=I [until=30s]                an input that is not published
//	withdraw USER id=I
//	force USER STATE|text id=I [until=30s] [default]
//	                                               an input that is kept; default: hard state
//	release USER id=I [default]
//	advance TIME [quiet]                           lines are told with the time since the beginning
//	fail-commit [written]                          the next commit fails; written: on the disk all the same
//	repair
//	break                                          all commits fail
//	crash [TIME]                                   the server is gone for that long
//	inputs USER | state USER | same NAME NAME | records | xml NAME
//	repeat N COMMAND                               only the last is told
var commands map[string]func(*world, args)

func init() {
	commands = map[string]func(*world, args){
		"publish": (*world).publish, "subscribe": (*world).subscribe, "fetch": (*world).subscribe,
		"refresh": (*world).refresh, "unsubscribe": (*world).refresh, "answer": (*world).answers, "park": (*world).park,
		"rule": (*world).rule, "put": (*world).put, "withdraw": (*world).put, "force": (*world).force, "release": (*world).force, "advance": (*world).advances,
		"fail-commit": (*world).failCommit, "break": (*world).failCommit, "repair": (*world).failCommit,
		"crash": (*world).crash, "inputs": (*world).inputs, "state": (*world).state, "same": (*world).same,
		"records": (*world).records, "xml": (*world).xml, "repeat": (*world).repeat,
	}
}

// run does the commands of a block one after the other; those after "turn" all
// in one turn. It returns what they said.
func (w *world) run(lines []string) string {
	w.out.Reset()
	together := false
	for _, line := range lines {
		if line == "turn" {
			together = true
			continue
		}
		w.do(line)
		if !together {
			w.settle()
		}
	}
	w.settle()
	return w.out.String()
}

func (w *world) do(line string) {
	a := parseArgs(line)
	c := commands[a.name]
	if c == nil {
		w.t.Fatalf("no command %q", line)
	}
	c(w, a)
}

// args are a command's words, its key=value pairs, and the whole line.
type args struct {
	name  string
	words []string
	pairs map[string]string
	rest  string // after the name
}

func parseArgs(line string) args {
	name, rest, _ := strings.Cut(line, " ")
	a := args{name: name, pairs: map[string]string{}, rest: rest}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		var word string
		if key, quoted, ok := strings.Cut(rest, `="`); ok && !strings.Contains(key, " ") {
			value, after, _ := strings.Cut(quoted, `"`)
			a.pairs[key], rest = value, after
			continue
		}
		word, rest, _ = strings.Cut(rest, " ")
		if key, value, ok := strings.Cut(word, "="); ok {
			a.pairs[key] = value
		} else {
			a.words = append(a.words, word)
		}
	}
	return a
}

func (a args) word(i int) string {
	if i < len(a.words) {
		return a.words[i]
	}
	return ""
}

// flag tells whether one of the words is w.
func (a args) flag(w string) bool { return slices.Contains(a.words, w) }

func (a args) duration(key string) (time.Duration, bool) {
	n, err := strconv.Atoi(a.pairs[key])
	return time.Duration(n) * time.Second, err == nil
}

func user(name string) event.AoR {
	if !strings.Contains(name, "@") {
		name += "@example.test"
	}
	return event.AoR("sip:" + name)
}

// outcome writes the answer to a request once its turn is committed.
func (w *world) outcome(t *owner.Turn, err error, answer func() string) {
	t.Say(func(failed error) {
		switch {
		case failed != nil:
			w.say("503 nothing was stored")
		case err != nil:
			w.say("refused: %v", err)
		default:
			w.say("200 %s", answer())
		}
	})
}

func (w *world) publish(a args) {
	aor := user(a.word(0))
	p := esc.Publish{AoR: aor, By: aor, Peer: a.flag("peer"), Event: "presence", Type: pidf.Type}
	if by, ok := a.pairs["by"]; ok {
		p.By = user(by)
	}
	if name, ok := a.pairs["event"]; ok {
		p.Event = event.Name(name)
	}
	if call, ok := a.pairs["call"]; ok {
		p.Event, p.Type, p.Body = "dialog", dialoginfo.Type, call1(a, aor, call)
	}
	if waiting, ok := a.pairs["messages"]; ok {
		p.Event, p.Type, p.Body = "message-summary", messagesummary.Type, summary1(waiting)
	}
	if tag, ok := a.pairs["if-match"]; ok {
		p.IfMatch = w.tag(tag)
	}
	interval, asked := a.duration("expires")
	p.Expires, p.Default = interval, !asked
	if p.Body == nil {
		p.Body = w.body(a, aor)
	}
	if kind, ok := a.pairs["type"]; ok {
		p.Type = kind
	}
	w.post(aor, func(t *owner.Turn) {
		etag, left, err := w.esc.Publish(t, p)
		w.outcome(t, err, func() string { return fmt.Sprintf("etag=%s expires=%d", w.etag(etag), int(left/time.Second)) })
	})
}

// summary1 is a document of one class of messages.
func summary1(words string) []byte {
	f := append(strings.Fields(words), "", "")
	text := "Messages-Waiting: " + f[0] + "\r\n"
	if f[2] != "" {
		text += "Message-Account: " + f[2] + "\r\n"
	}
	if f[1] != "" {
		text += "Voice-Message: " + f[1] + "\r\n"
	}
	return []byte(text)
}

// call1 is a document of one dialog.
func call1(a args, aor event.AoR, id string) []byte {
	d := dialoginfo.Dialog{ID: id, CallID: id, LocalTag: "l" + id, RemoteTag: "r" + id, State: a.word(1), Direction: dialoginfo.Recipient}
	d.Remote.Identity = string(user(a.pairs["with"]))
	doc := dialoginfo.Info{Entity: string(aor), Dialogs: []dialoginfo.Dialog{d}}
	return doc.Append(nil, 0)
}

func (w *world) tag(name string) esc.ETag {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "E"))
	if err != nil || n < 1 || n > len(w.etags) {
		return esc.ETag(name)
	}
	return w.etags[n-1]
}

// body is the document that a publication's words stand for.
func (w *world) body(a args, aor event.AoR) []byte {
	if text, ok := a.pairs["body"]; ok {
		return []byte(text)
	}
	var state presence.State
	ok := false
	for _, word := range a.words[1:] {
		if s, is := presence.ParseState(word); is {
			state, ok = s, true
		}
	}
	if !ok {
		return nil
	}
	entity := string(aor)
	if other, ok := a.pairs["entity"]; ok {
		entity = other
	}
	tuple := "t"
	if id, ok := a.pairs["tuple"]; ok {
		tuple = id
	}
	return presence.Publication(entity, tuple, state, a.pairs["note"], w.now).Append(nil)
}

func (w *world) subscribe(a args) {
	watcher := user(a.word(0))
	name := a.word(0)
	if as, ok := a.pairs["as"]; ok {
		name = as
	}
	p := &phone{w: w, name: name, aor: user(a.word(1)), browser: a.flag("browser"), silent: a.flag("silent")}
	w.phones[name] = p
	r := notifier.Request{ID: name, AoR: p.aor, Entity: string(p.aor), Event: "presence", Sink: p, Device: a.pairs["device"],
		Watcher: event.Subscriber{AoR: watcher, Authenticated: !a.flag("stranger")}}
	if e := a.word(2); strings.HasPrefix(e, "presence") || e == "dialog" || e == "reg" || e == "message-summary" || e == "coffee" {
		r.Event = event.Name(e)
	}
	interval, asked := a.duration("expires")
	r.Expires, r.Default = interval, !asked && a.name != "fetch"
	for _, pkg := range w.packages {
		if pkg.Event() == r.Event {
			r.Format.Type = pkg.Types()[0]
		}
	}
	p.request = r
	w.subscribes(r)
}

func (w *world) subscribes(r notifier.Request) {
	w.post(r.AoR, func(t *owner.Turn) {
		left, err := w.notifier.Subscribe(t, r)
		w.outcome(t, err, func() string { return fmt.Sprintf("expires=%d", int(left/time.Second)) })
	})
}

func (w *world) refresh(a args) {
	p := w.phone(a.word(0))
	if a.flag("moved") {
		w.phones[p.name+"-before"] = p
		moved := *p
		p = &moved
		p.flying, p.request.Sink, w.phones[p.name] = 0, p, p
	}
	r := p.request
	r.Refresh = true
	interval, asked := a.duration("expires")
	r.Expires, r.Default = interval, !asked && a.name == "refresh"
	if by, ok := a.pairs["by"]; ok {
		r.Watcher.AoR = user(by)
	}
	w.subscribes(r)
}

func (w *world) phone(name string) *phone {
	p := w.phones[name]
	if p == nil {
		w.t.Fatalf("no subscription %q", name)
	}
	return p
}

func (w *world) answers(a args) {
	outcomes := map[string]notifier.Outcome{"200": notifier.Delivered, "timeout": notifier.Later, "481": notifier.NoDialog, "gone": notifier.Gone, "lost": notifier.Lost}
	p := w.phone(a.word(0))
	if p.flying == 0 {
		w.say("nothing to answer")
		return
	}
	p.answer(outcomes[a.word(1)])
}

func (w *world) park(a args) {
	p := w.phone(a.word(0))
	w.post(p.aor, func(t *owner.Turn) { w.notifier.Park(t, p.aor, p.name) })
}

func (w *world) rule(a args) {
	aor := user(a.word(0))
	handling := map[string]event.Handling{"block": event.Block, "polite-block": event.PoliteBlock, "confirm": event.Confirm, "allow": event.Allow}
	rs := w.rules[aor]
	if a.word(1) == "none" {
		rs = nil
	} else {
		rule := policy.Rule{Handling: handling[a.word(1)], Rights: event.RightsAll}
		if rights, ok := a.pairs["rights"]; ok {
			rule.Rights = event.Rights(rights)
		}
		for _, watcher := range a.words[2:] {
			if watcher == "stored" || watcher == "unheard" {
				continue
			}
			rs = without(rs, user(watcher))
			rule.One = append(rule.One, user(watcher))
		}
		rs = append(rs, rule)
	}
	w.rules[aor] = rs
	if a.flag("stored") {
		return
	}
	w.post(aor, func(t *owner.Turn) {
		w.policy.Set(aor, rs)
		if !a.flag("unheard") {
			w.notifier.RulesChanged(t, aor)
		}
	})
}

// without takes a watcher out of all rules.
func without(rs policy.Rules, watcher event.AoR) (kept policy.Rules) {
	for _, r := range rs {
		r.One = slices.DeleteFunc(slices.Clone(r.One), func(a event.AoR) bool { return a == watcher })
		kept = append(kept, r)
	}
	return kept
}

func (w *world) put(a args) {
	aor := user(a.word(0))
	k := event.Key{Event: "presence", Source: event.Calendar, ID: a.pairs["id"]}
	if a.name == "withdraw" {
		w.post(aor, func(t *owner.Turn) { w.esc.Withdraw(t, aor, k) })
		return
	}
	state, _ := presence.ParseState(a.word(1))
	in := event.Input{Key: k, Made: w.now, Doc: presence.Publication(string(aor), a.pairs["id"], state, "", w.now)}
	if d, err := time.ParseDuration(a.pairs["until"]); err == nil {
		in.Until = w.now.Add(d)
	}
	w.post(aor, func(t *owner.Turn) { w.esc.Put(t, aor, in) })
}

func (w *world) force(a args) {
	aor := user(a.word(0))
	f := esc.Forced{Key: event.Key{Event: "presence", Source: event.User, ID: a.pairs["id"]}, Made: w.now, Type: pidf.Type, Body: []byte(a.word(1))}
	if a.flag("default") {
		f.Source = event.Default
	}
	if d, err := time.ParseDuration(a.pairs["until"]); err == nil {
		f.Until = w.now.Add(d)
	}
	if state, ok := presence.ParseState(a.word(1)); ok {
		doc := presence.Publication(string(aor), "forced", state, "", w.now)
		doc.Tuples = nil
		f.Body = doc.Append(nil)
	}
	w.post(aor, func(t *owner.Turn) {
		if a.name == "release" {
			w.esc.Release(t, aor, f.Key)
			return
		}
		if err := w.esc.Force(t, aor, f); err != nil {
			w.say("%v", err)
		}
	})
}

func (w *world) advances(a args) {
	d, err := time.ParseDuration(a.word(0))
	if err != nil {
		w.t.Fatal(err)
	}
	w.timed, w.mute = true, a.flag("quiet")
	w.advance(d)
	w.timed, w.mute = false, false
}

func (w *world) failCommit(a args) {
	switch {
	case a.name == "repair":
		w.journal.Fail(nil)
	case a.name == "break":
		w.journal.Fail(func(int) (bool, bool) { return true, false })
	default:
		nth := w.journal.Commits() + 1
		w.journal.Fail(func(n int) (bool, bool) { return n == nth, a.flag("written") })
	}
}

func (w *world) crash(a args) {
	if d, err := time.ParseDuration(a.word(0)); err == nil {
		w.now = w.now.Add(d)
	}
	for _, p := range w.phones {
		p.flying, p.crashed = 0, true
	}
	w.start()
}

func (w *world) inputs(a args) {
	var lines []string
	for _, in := range w.esc.Inputs(user(a.word(0))) {
		until := "for ever"
		if !in.Until.IsZero() {
			until = "until " + in.Until.Sub(w.began).String()
		}
		source := [...]string{event.EPA: "published", event.Registrar: "registered", event.Call: "call", event.Calendar: "calendar",
			event.User: "user", event.Default: "default", event.Watcher: "watcher"}[in.Source]
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", in.Event, source, until, lookOf(in.Doc, nil)))
	}
	slices.Sort(lines) // what is published has random names
	for _, line := range lines {
		w.say("%s", line)
	}
}

func (w *world) state(a args) {
	aor := user(a.word(0))
	w.post(aor, func(t *owner.Turn) { w.say("%s", lookOf(w.esc.Document(t, aor, "presence"), nil)) })
}

func (w *world) same(a args) {
	if bytes.Equal(w.phone(a.word(0)).last, w.phone(a.word(1)).last) {
		w.say("the same bytes")
	} else {
		w.say("different bytes")
	}
}

func (w *world) records(args) { w.say("%d", w.journal.Len()) }

func (w *world) xml(a args) { w.say("%s", bytes.TrimSpace(w.phone(a.word(0)).last)) }

func (w *world) repeat(a args) {
	n, _ := strconv.Atoi(a.word(0))
	_, command, _ := strings.Cut(a.rest, " ")
	before := w.out.String()
	for range n {
		w.out.Reset()
		w.do(command)
		w.settle()
	}
	last := w.out.String()
	w.out.Reset()
	w.out.WriteString(before + last)
}
