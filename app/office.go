package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lamplight/body/commonpolicy"
	"lamplight/body/pidf"
	"lamplight/call"
	"lamplight/directory"
	"lamplight/directory/search"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/sip"
	"lamplight/store/cold"
	"lamplight/web"
	"lamplight/web/auth"
	"lamplight/web/pages"
	"lamplight/web/phonebook"
)

// office is what the web's interface answers from.
type office struct{ *Process }

// Resolve finds whom a user means. Who is not there is taken as written: a lamp
// says no more of somebody who may not be seen.
func (o *office) Resolve(by event.AoR, user string) (event.AoR, error) {
	_, domain, ok := strings.Cut(string(by), "@")
	if !ok {
		domain = o.o.Domain[0]
	}
	aor := directory.UserAoR(user, domain)
	u, err := sip.ParseURI([]byte(aor))
	if err != nil || len(aor) > 400 {
		return "", fmt.Errorf("%w: %s", web.ErrNotFound, user)
	}
	if found, _, err := o.book.Load().Resolve(u); err == nil {
		return found, nil
	}
	return aor, nil
}

// Presence is a user's lamp, as another may see it.
func (o *office) Presence(watcher, aor event.AoR) (l presence.Lamp, err error) {
	l = presence.Lamp{AoR: strings.TrimPrefix(string(aor), "sip:"), State: presence.Unknown.Token(), Text: presence.Unknown.Words()}
	if !o.book.Load().Has(aor) {
		return l, nil
	}
	return l, o.change(aor, func(t *owner.Turn) error {
		if doc, _, _ := o.viewFor(t, aor, watcher, "presence"); doc != nil {
			l = presence.LampOf(doc.(*pidf.Presence))
		}
		return nil
	})
}

func (o *office) Own(aor event.AoR) (own web.Own, err error) {
	s, err := o.State(aor)
	own = web.Own{State: s.State.Token(), DND: s.DND, DNDUntil: s.DNDUntil}
	if s.Status != nil {
		own.Status, own.Note, own.StatusUntil = s.Status.State.Token(), s.Status.Note, s.Status.Until
	}
	return own, err
}

func (o *office) SetStatus(aor event.AoR, state, note string, until time.Time) error {
	s, _ := presence.ParseState(state) // what is none is refused
	return o.Server.SetStatus(aor, Status{s, note, until})
}

func (o *office) Explain(aor event.AoR, as string) (any, error) {
	return o.explain(strings.TrimPrefix(string(aor), "sip:"), as)
}

// History is a page of a user's calls.
func (o *office) History(of event.AoR, party, result, before string, limit int) (any, string, error) {
	if !isResult(result) {
		return nil, "", errResult
	}
	q := cold.CallQuery{AoR: of, Result: call.Result(result), Before: before, Limit: limit}
	if party != "" {
		aor, err := o.Resolve(of, party)
		if err != nil {
			return nil, "", err
		}
		q.Party = aor
	}
	list, err := o.Process.History(q)
	if err != nil {
		return nil, "", err
	}
	calls, next := make([]any, len(list)), ""
	for i := range list {
		calls[i] = past(&list[i])
	}
	if len(list) == limit {
		next = list[len(list)-1].Cursor
	}
	return calls, next, nil
}

// maxFound is how many people a search gives at most.
const maxFound = 5000

// found are those whom a query finds, favourites first.
func (o *office) found(by event.AoR, query string, limit int) []search.Person {
	liked, _ := o.people.List(by, favourites) // without them where they cannot be read
	return o.Search(by, query, search.Liking{Favourite: func(p search.Person) bool { return p.AoR != "" && slices.Contains(liked.Members, p.AoR) }}, limit)
}

// shownName is a user's name, or the user part where there is none.
func shownName(u directory.User) string {
	user, _, _ := strings.Cut(strings.TrimPrefix(string(u.AoR), "sip:"), "@")
	return cmp.Or(u.Name, user)
}

func (o *office) People(by event.AoR, query, after string, limit int) (list []web.Person, next string, err error) {
	found := o.found(by, query, maxFound)
	if i := slices.IndexFunc(found, func(p search.Person) bool { return p.ID == after }); i >= 0 {
		found = found[i+1:]
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	states := o.statesFor(by, aorsOf(found))
	list = []web.Person{}
	for _, p := range found {
		list = append(list, web.Person{AoR: strings.TrimPrefix(string(p.AoR), "sip:"), Name: nameOf(p), Numbers: p.Numbers, State: states[p.AoR],
			Department: p.Department, Title: p.Title, Mail: p.Mail})
	}
	return list, next, nil
}

// phonebook is whom a phone's user finds.
func (o *office) phonebook(_ http.ResponseWriter, r *http.Request, query string, limit int) (list []phonebook.Person, ok bool) {
	by, ok := auth.User(r.Context())
	found := o.found(by, query, limit)
	states := o.statesFor(by, aorsOf(found))
	for _, p := range found {
		list = append(list, phonebook.Person{Name: nameOf(p), Numbers: p.Numbers, Department: p.Department, State: states[p.AoR]})
	}
	return list, ok
}

func nameOf(p search.Person) string { return shownName(directory.User{AoR: p.AoR, Name: p.Name}) }

func aorsOf(people []search.Person) (list []event.AoR) {
	for _, p := range people {
		if p.AoR != "" {
			list = append(list, p.AoR)
		}
	}
	return list
}

// Watchers are those of a user's presence and calls.
func (o *office) Watchers(aor event.AoR) ([]web.Watcher, error) {
	all, err := o.Server.Watchers(aor)
	list := []web.Watcher{}
	for _, w := range all {
		list = append(list, web.Watcher{AoR: strings.TrimPrefix(string(w.Watcher), "sip:"), Name: o.book.Load().Name(w.Watcher), Event: string(w.Event), Status: w.Status, Since: w.Since})
	}
	return list, err
}

var errAnswer = errors.New("want allow, block or polite-block")

func (o *office) Answer(aor event.AoR, watcher, handling string) error {
	w, err := o.Resolve(aor, watcher)
	if err != nil {
		return err
	}
	switch handling {
	case "allow":
		return o.Allow(aor, w)
	case "block", "polite-block":
		return o.Block(aor, w, handling != "block")
	}
	return errAnswer
}

func (o *office) Calendar(aor event.AoR) (web.Calendar, error) {
	c, _ := o.Server.Calendar(aor)
	return web.Calendar{URL: c.URL, Titles: c.Titles, Read: c.Read, Error: c.Error}, nil
}

func (o *office) Devices(aor event.AoR) ([]web.Device, error) {
	list := []web.Device{}
	if o.registrar == nil {
		return list, nil
	}
	return list, o.change(aor, func(*owner.Turn) error {
		for _, b := range o.registrar.Lookup(aor) {
			list = append(list, web.Device{Contact: b.URI, UserAgent: b.UserAgent, Expires: b.Until.UTC().Truncate(time.Second)})
		}
		return nil
	})
}

func shownList(l cold.List) web.List {
	one := web.List{Name: l.Name, Members: []string{}, Version: l.Version}
	for _, m := range l.Members {
		one.Members = append(one.Members, strings.TrimPrefix(string(m), "sip:"))
	}
	return one
}

func (o *office) Lists(aor event.AoR) ([]web.List, error) {
	stored, err := o.people.Lists(aor)
	list := []web.List{}
	for _, l := range stored {
		list = append(list, shownList(l))
	}
	return list, err
}

func (o *office) List(aor event.AoR, name string) (web.List, error) {
	l, err := o.people.List(aor, name)
	if errors.Is(err, cold.ErrNoList) {
		err = web.ErrNotFound
	}
	return shownList(l), err
}

func (o *office) PutList(aor event.AoR, name string, members []string, match int64) (web.List, error) {
	l, err := o.people.ChangeList(aor, name, func(l *cold.List) (bool, error) {
		if match != 0 && match != l.Version {
			return false, web.ErrChanged
		}
		l.Members = nil
		for _, m := range members {
			one, err := o.Resolve(aor, m)
			if err != nil {
				return false, err
			}
			if !slices.Contains(l.Members, one) {
				l.Members = append(l.Members, one)
			}
		}
		return false, nil
	})
	return shownList(l), err
}

func (o *office) PutMember(aor event.AoR, name, member string, in bool) error {
	one, err := o.Resolve(aor, member)
	if err != nil {
		return err
	}
	_, err = o.people.ChangeList(aor, name, func(l *cold.List) (bool, error) {
		l.Members = slices.DeleteFunc(l.Members, func(m event.AoR) bool { return m == one })
		if in {
			l.Members = append(l.Members, one)
		}
		return len(l.Members) == 0, nil
	})
	return err
}

func (o *office) RemoveList(aor event.AoR, name string) error {
	_, err := o.people.ChangeList(aor, name, func(l *cold.List) (bool, error) {
		if l.Version == 0 {
			return false, web.ErrNotFound
		}
		return true, nil
	})
	return err
}

// pageOffice is what the pages show.
type pageOffice struct{ *office }

const favourites = "favourites"

func (o pageOffice) persons(as event.AoR, found []search.Person) []pages.Person {
	states := o.statesFor(as, aorsOf(found))
	liked, _ := o.people.List(as, favourites)
	list := make([]pages.Person, len(found))
	for i, p := range found {
		list[i] = pages.Person{AoR: p.AoR, State: cmp.Or(states[p.AoR], presence.Unknown.Token()), Name: nameOf(p), Call: strings.TrimPrefix(string(p.AoR), "sip:"), Numbers: p.Numbers,
			Department: p.Department, Title: p.Title, Mail: p.Mail, Favourite: p.AoR != "" && slices.Contains(liked.Members, p.AoR)}
		if p.AoR == "" && len(p.Numbers) > 0 {
			list[i].Call = p.Numbers[0]
		}
	}
	return list
}

// People are those whom a query finds.
func (o pageOffice) People(_ context.Context, as event.AoR, query string, limit int) ([]pages.Person, error) {
	return o.persons(as, o.found(as, query, limit)), nil
}

// pageOfCalls is how many calls are on a page.
const pageOfCalls = 50

func (o pageOffice) Calls(_ context.Context, of event.AoR, before string, missed bool) (list []pages.Call, more string, err error) {
	q := cold.CallQuery{AoR: of, Before: before, Limit: pageOfCalls}
	if missed {
		q.Result = call.Missed
	}
	calls, err := o.Process.History(q)
	if errors.Is(err, errNoHistory) {
		return nil, "", pages.ErrOff
	}
	for _, c := range calls {
		number, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.Other.URI, "sip:"), "tel:"), "@")
		one := pages.Call{AoR: c.Other.AoR, State: c.State, Name: cmp.Or(o.book.Load().Name(c.Other.AoR), c.Other.Display, number), Number: number, Call: c.Other.URI,
			Outgoing: c.Outgoing, Result: string(c.Result), Reason: c.Reason, At: c.Began, Length: c.Duration,
			PickedUpBy: cmp.Or(o.book.Load().Name(c.PickedBy.AoR), c.PickedBy.Display)}
		if one.AoR != "" {
			one.Call = strings.TrimPrefix(string(one.AoR), "sip:")
		}
		list = append(list, one)
	}
	if len(calls) == pageOfCalls {
		more = calls[len(calls)-1].Cursor
	}
	return list, more, err
}

// Groups are a user's lists, and everyone.
func (o pageOffice) Groups(_ context.Context, of event.AoR) (groups []pages.Group, err error) {
	lists, err := o.people.Lists(of)
	if err != nil {
		return nil, err
	}
	everyone := slices.DeleteFunc(o.found(of, "", maxFound), func(p search.Person) bool { return p.AoR == "" })
	for _, l := range lists {
		var members []search.Person
		for _, m := range l.Members {
			if i := slices.IndexFunc(everyone, func(p search.Person) bool { return p.AoR == m }); i >= 0 {
				members = append(members, everyone[i])
				everyone = slices.Delete(everyone, i, i+1) // each has one card
			}
		}
		groups = append(groups, pages.Group{ID: l.Name, Name: l.Name, People: o.persons(of, members), Own: true})
	}
	return append(groups, pages.Group{ID: "everyone", People: o.persons(of, everyone[:min(len(everyone), maxCards)])}), nil
}

// maxCards is how many people the panel shows of everyone.
const maxCards = 500

func (o pageOffice) Me(_ context.Context, aor event.AoR) (me pages.Me, err error) {
	s, err := o.State(aor)
	if err != nil {
		return me, err
	}
	me.Person = pages.Person{AoR: aor, State: s.State.Token(), Name: shownName(directory.User{AoR: aor, Name: o.book.Load().Name(aor)}), Numbers: o.book.Load().Called(aor)}
	me.DND, me.DNDUntil = s.DND, s.DNDUntil
	if s.Status != nil {
		me.Status, me.Note, me.StatusUntil = s.Status.State.Token(), s.Status.Note, s.Status.Until
	}
	c, _ := o.Server.Calendar(aor)
	me.Calendar = pages.Calendar{URL: c.URL, Titles: c.Titles, Read: c.Read, Error: c.Error}
	if me.Watchers, err = o.watchersOf(aor); err != nil {
		return me, err
	}
	if doc, own, err := o.Rules(aor); err == nil && own {
		if rs, err := commonpolicy.Parse(doc); err == nil {
			me.Rules = policy.Words(rs)
		}
	}
	if e, err := o.Server.Explain(aor, ""); err == nil {
		for _, l := range e.Layers {
			if l.Says != "" {
				me.Why = append(me.Why, l.Layer+": "+l.Says+" ("+l.Why+")")
			}
		}
	}
	if o.registrar == nil {
		return me, nil
	}
	return me, o.change(aor, func(*owner.Turn) error {
		for _, b := range o.registrar.Lookup(aor) {
			me.Devices = append(me.Devices, pages.Device{Name: b.UserAgent, Address: b.Source.Addr().String(), Expires: b.Until.In(o.zone(aor))})
		}
		return nil
	})
}

// watchersOf is each watcher once, those who wait first.
func (o pageOffice) watchersOf(aor event.AoR) (list []pages.Watcher, err error) {
	all, err := o.Server.Watchers(aor)
	for _, w := range all {
		if w.Watcher == aor || slices.ContainsFunc(list, func(p pages.Watcher) bool { return p.AoR == w.Watcher }) {
			continue
		}
		list = append(list, pages.Watcher{AoR: w.Watcher, Name: shownName(directory.User{AoR: w.Watcher, Name: o.book.Load().Name(w.Watcher)}), Status: w.Status})
	}
	return list, err
}

func (o pageOffice) ViewAs(_ context.Context, aor event.AoR, watcher string) (state, document string, err error) {
	as, err := o.Resolve(aor, watcher)
	if err != nil {
		return "", "", err
	}
	return state, document, o.change(aor, func(t *owner.Turn) error {
		doc, _, _ := o.viewFor(t, aor, as, "presence")
		if doc == nil {
			return nil
		}
		s, _, _ := presence.StateOf(doc.(*pidf.Presence))
		body, err := o.esc.Package("presence").Encode(string(aor), doc, event.Format{Type: pidf.Type})
		state, document = s.Token(), string(body.Head)
		return err
	})
}

func (o pageOffice) Zone(aor event.AoR) *time.Location { return o.zone(aor) }
