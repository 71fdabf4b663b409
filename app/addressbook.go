package app

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lamplight/control"
	"lamplight/directory"
	"lamplight/directory/addressbook"
	"lamplight/directory/search"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/store/cold"
)

// AddressBook is who can be found beside the users.
type AddressBook interface {
	People() ([]cold.Person, error)
}

// Search finds users, and people of the address book, the best first and limit of
// them at most; all where the query is empty. Of the own department are preferred,
// and whom like names.
func (s *Server) Search(as event.AoR, query string, like search.Liking, limit int) []search.Person {
	found := s.found.Load()
	if found == nil {
		return nil
	}
	made := (*found)()
	like.Department = cmp.Or(like.Department, made.department[as])
	return made.Search(query, like, limit)
}

// finder is an index, and what it takes to rank for a user.
type finder struct {
	*search.Index
	department map[event.AoR]string
}

// find has people found as they are stored now. The index is made when somebody
// searches.
func (s *Server) find(d *directory.Directory, users []directory.User) error {
	var others []cold.Person
	if s.o.AddressBook != nil {
		var err error
		if others, err = s.o.AddressBook.People(); err != nil {
			return err
		}
	}
	people := make([]search.Person, len(users), len(users)+len(others))
	for i, u := range users {
		people[i] = search.Person{ID: string(u.AoR), AoR: u.AoR, Name: u.Name, Numbers: slices.Clone(u.Aliases)}
	}
	domain := s.o.Domain[0]
	made := sync.OnceValue(func() finder { return newFinder(d, domain, people, others) })
	s.found.Store(&made)
	return nil
}

// newFinder makes one person of a user and who is the same in the address book.
func newFinder(d *directory.Directory, domain string, people []search.Person, others []cold.Person) finder {
	at := map[event.AoR]int{}
	for i, p := range people {
		at[p.AoR] = i
	}
	f := finder{department: map[event.AoR]string{}}
	for _, o := range others {
		one := search.Person{ID: strconv.FormatInt(o.ID, 10), Name: o.Name, Numbers: o.Numbers, Department: o.Department, Title: o.Title, Mail: o.Mail}
		i, user := sameUser(d, domain, at, o)
		if !user {
			people = append(people, one)
			continue
		}
		u := &people[i]
		u.Name, u.Department = cmp.Or(u.Name, one.Name), cmp.Or(u.Department, one.Department)
		u.Title, u.Mail = cmp.Or(u.Title, one.Title), cmp.Or(u.Mail, one.Mail)
		for _, n := range one.Numbers {
			if !slices.Contains(u.Numbers, n) {
				u.Numbers = append(u.Numbers, n)
			}
		}
		f.department[u.AoR] = u.Department
	}
	f.Index = search.New(people)
	return f
}

// sameUser tells which user somebody of the address book is: the one that is named,
// or whose number or address it is.
func sameUser(d *directory.Directory, domain string, at map[event.AoR]int, o cold.Person) (i int, ok bool) {
	if i, ok = at[o.AoR]; ok || o.AoR != "" {
		return i, ok
	}
	if i, ok = at[event.AoR("sip:"+strings.ToLower(o.Mail))]; ok {
		return i, ok
	}
	for _, n := range o.Numbers {
		n = strings.Map(func(r rune) rune {
			if strings.ContainsRune("+0123456789*#", r) {
				return r
			}
			return -1
		}, n)
		u, err := sip.ParseURI([]byte("sip:" + strings.ReplaceAll(n, "#", "%23") + "@" + domain))
		if n == "" || err != nil {
			continue
		}
		if aor, _, err := d.Resolve(u); err == nil {
			if i, ok = at[aor]; ok {
				return i, ok
			}
		}
	}
	return 0, false
}

// Import reads people of a file into the address book, all or none; dry only tells
// what would come of it.
func (u *users) Import(file []byte, dry bool) (control.Imported, error) {
	read, err := addressbook.Read(file)
	if err != nil {
		return control.Imported{}, err
	}
	people := make([]cold.Person, len(read))
	got := control.Imported{Dry: dry, People: make([]control.Contact, len(read))}
	for i, c := range read {
		people[i] = cold.Person{Key: c.Key(), Name: c.Name, Numbers: c.Numbers, Department: c.Department, Title: c.Title, Mail: c.Mail, Photo: c.Photo}
		if c.User != "" {
			aor, err := u.aor(strings.TrimPrefix(c.User, "sip:"))
			if err != nil {
				return got, &addressbook.LineError{Line: c.Line, Err: err}
			}
			people[i].AoR = event.AoR("sip:" + strings.TrimPrefix(aor, "sip:"))
		}
		got.People[i] = shownContact(people[i])
	}
	if dry {
		return got, nil
	}
	if got.Added, err = u.store.PutPeople(people); err != nil {
		return got, err
	}
	return got, u.changed()
}

// Contacts are the people of the address book.
func (u *users) Contacts() ([]control.Contact, error) {
	stored, err := u.store.People()
	if err != nil {
		return nil, err
	}
	list := make([]control.Contact, len(stored))
	for i, p := range stored {
		list[i] = shownContact(p)
	}
	return list, nil
}

func shownContact(p cold.Person) control.Contact {
	return control.Contact{ID: p.ID, Name: p.Name, Numbers: p.Numbers, User: strings.TrimPrefix(string(p.AoR), "sip:"),
		Department: p.Department, Title: p.Title, Mail: p.Mail, Photo: p.Photo}
}

// RemoveContact takes somebody out of the address book.
func (u *users) RemoveContact(id int64) error {
	if err := u.store.RemovePerson(id); err != nil {
		return fmt.Errorf("%d: %w", id, err)
	}
	return u.changed()
}
