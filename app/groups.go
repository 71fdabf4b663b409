package app

import (
	"strings"

	"lamplight/control"
	"lamplight/directory"
	"lamplight/event"
)

// Groups lists the groups of people.
func (u *users) Groups() ([]control.Group, error) {
	stored, err := u.store.Groups()
	list := make([]control.Group, len(stored))
	for i, g := range stored {
		list[i] = control.Group{Name: g.Name, Pickup: g.Pickup}
		for _, m := range g.Members {
			list[i].Members = append(list[i].Members, strings.TrimPrefix(string(m), "sip:"))
		}
	}
	return list, err
}

// SetGroup makes a group, or adds to it; who watches is decided about again.
func (u *users) SetGroup(g control.Group) error {
	made := directory.Group{Name: g.Name, Pickup: g.Pickup}
	for _, m := range g.Members {
		aor, err := u.member(m)
		if err != nil {
			return err
		}
		made.Members = append(made.Members, aor)
	}
	if err := u.store.SetGroup(made); err != nil {
		return err
	}
	return u.changed()
}

func (u *users) member(user string) (event.AoR, error) {
	aor, err := u.aor(user)
	return event.AoR("sip:" + strings.TrimPrefix(aor, "sip:")), err
}

// RemoveGroup takes a group away.
func (u *users) RemoveGroup(name string) error {
	if err := u.store.RemoveGroup(name); err != nil {
		return err
	}
	return u.changed()
}

// LeaveGroup takes somebody out of a group.
func (u *users) LeaveGroup(name, member string) error {
	aor, err := u.member(member)
	if err != nil {
		return err
	}
	if err := u.store.LeaveGroup(name, aor); err != nil {
		return err
	}
	return u.changed()
}

// orderAnswer answers the commands allow and block.
func (p *Process) orderAnswer(a control.Answer) error {
	aor, err := p.userOf(a.User)
	if err != nil {
		return err
	}
	for h, word := range handlings {
		if word == a.Handling {
			return p.answer(aor, p.watcherOf(aor, a.Watcher), event.Handling(h))
		}
	}
	return errHandling
}

// watcherOf is who is meant by a name: a user of ours, by an alias too, else
// whoever has the name, which is of the watched one's domain where it has none.
func (p *Process) watcherOf(aor event.AoR, name string) event.AoR {
	if own, err := p.userOf(name); err == nil {
		return own
	}
	_, domain, _ := strings.Cut(string(aor), "@")
	return directory.UserAoR(name, domain)
}

// watchers answers the command of that name.
func (p *Process) watchers(user string) ([]control.Watcher, error) {
	aor, err := p.userOf(user)
	if err != nil {
		return nil, err
	}
	all, err := p.Watchers(aor)
	list := make([]control.Watcher, len(all))
	for i, w := range all {
		list[i] = control.Watcher{AoR: strings.TrimPrefix(string(w.Watcher), "sip:"), Event: string(w.Event), Status: w.Status,
			Since: w.Since.UTC(), Until: w.Until.UTC()}
	}
	return list, err
}

// viewed answers the command view.
func (p *Process) viewed(user, as, name string) (control.Viewed, error) {
	aor, err := p.userOf(user)
	if err != nil {
		return control.Viewed{}, err
	}
	v, err := p.ViewAs(aor, p.watcherOf(aor, as), event.Name(name))
	return control.Viewed{Handling: handlings[v.Handling], Rights: string(v.Rights), Type: v.Type, Body: string(v.Body)}, err
}
