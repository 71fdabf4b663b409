// Package directory knows the domains and the people of the server: it turns a
// URI as it was dialled or written into an address-of-record (RFC 3261 §10.3,
// RFC 3966 §5), and holds the digest credentials (RFC 3261 §22). It is an
// immutable snapshot of what a store holds; it writes nothing.
package directory

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/digest"
)

var (
	// ErrNotOurs says that a URI's domain is not one of the server's.
	ErrNotOurs = errors.New("not a domain of this server")
	// ErrNoUser says that a domain of the server has no such user.
	ErrNoUser = errors.New("no such user")
)

// Domain is a presence domain.
type Domain struct {
	Name     string   // lower case
	Realm    string   // of its users' credentials
	Aliases  []string // other names and addresses it answers to
	Watchers []string // other domains whose users may watch
	Country  string   // country code of national numbers: "49"
	Area     string   // area code of local numbers: "89"
	Prefix   string   // what national numbers begin with: "0"
	Zone     string   // time zone of "until 15:00", of IANA's names; "": the server's
	Default  string   // state of who is registered, and of whom nothing else is said: "away"; "": available
	Note     string   // that goes with it
	DND      string   // how calls to who does not want to be disturbed are refused: a status, or DNDOff; "": 480
	Rules    string   // who sees what of its users by default, a document of RFC 4745; "": policy's default
}

// Group is a group of people, for rules and for taking each other's calls.
type Group struct {
	Name    string
	Pickup  bool // members may pick up each other's calls, and see whose they are
	Members []event.AoR
}

// DNDOff has a domain's calls ring whoever does not want to be disturbed.
const DNDOff = "off"

// User is a person or a thing with an AoR.
type User struct {
	AoR     event.AoR
	Name    string                 // as it is shown
	Aliases []string               // other users of the same domain, and numbers: "+4989123"
	HA1     map[string]digest.HA1s // by digest username
}

// Directory is one snapshot.
type Directory struct {
	open        bool
	domains     map[string]*Domain     // by name and alias
	users       map[event.AoR]string   // display names
	called      map[event.AoR][]string // their aliases
	aliases     map[event.AoR]event.AoR
	numbers     map[string]event.AoR // by +digits
	credentials map[credential]known
	gone        map[event.AoR]bool // users of a snapshot before this one
}

type credential struct{ realm, username string }

type known struct {
	ha1 digest.HA1s
	aor event.AoR
}

// New makes a snapshot. An open directory has every user that is asked for: it
// is for trials without credentials.
func New(domains []Domain, users []User, open bool) *Directory {
	d := &Directory{open: open, domains: map[string]*Domain{}, users: map[event.AoR]string{}, called: map[event.AoR][]string{},
		aliases: map[event.AoR]event.AoR{}, numbers: map[string]event.AoR{}, credentials: map[credential]known{}}
	for _, one := range domains {
		d.domains[strings.ToLower(one.Name)] = &one
		for _, alias := range one.Aliases {
			d.domains[strings.ToLower(alias)] = &one
		}
	}
	for _, u := range users {
		d.add(u)
	}
	return d
}

func (d *Directory) add(u User) {
	d.users[u.AoR], d.called[u.AoR] = u.Name, u.Aliases
	_, host, _ := strings.Cut(string(u.AoR), "@")
	for _, alias := range u.Aliases {
		if strings.HasPrefix(alias, "+") {
			d.numbers[digits(alias)] = u.AoR
		} else {
			d.aliases[event.AoR("sip:"+alias+"@"+host)] = u.AoR
		}
	}
	domain := d.domains[host]
	if domain == nil {
		return
	}
	for name, h := range u.HA1 {
		d.credentials[credential{domain.Realm, name}] = known{h, u.AoR}
	}
}

// Resolve finds the AoR that a URI means: a user of a domain, another name of
// one, or a number. The domain comes with ErrNoUser as well.
func (d *Directory) Resolve(u sip.URI) (event.AoR, *Domain, error) {
	if u.IsTel() {
		return d.resolveTel(u)
	}
	domain := d.domains[u.HostLower()]
	if domain == nil {
		return "", nil, ErrNotOurs
	}
	user, _, _ := strings.Cut(u.UserUnescaped(), ";")
	if user == "" {
		return "", domain, ErrNoUser
	}
	if aor, ok := d.named(user, domain); ok {
		return aor, domain, nil
	}
	if found, _, err := d.resolveNumber(user, domain); err == nil {
		return found, domain, nil
	}
	if d.open {
		return aorIn(user, domain), domain, nil
	}
	return "", domain, ErrNoUser
}

// named finds a user by the name in a domain, or by an alias.
func (d *Directory) named(user string, domain *Domain) (event.AoR, bool) {
	aor := aorIn(user, domain)
	if _, ok := d.users[aor]; ok {
		return aor, true
	}
	real, ok := d.aliases[aor]
	return real, ok
}

func aorIn(user string, domain *Domain) event.AoR {
	return event.AoR("sip:" + user + "@" + domain.Name)
}

// resolveTel finds a user by an extension, which is a local number in the
// context of its domain (RFC 3966 §5.1.5), or by a number.
func (d *Directory) resolveTel(u sip.URI) (event.AoR, *Domain, error) {
	domain := d.numberDomain(u)
	if domain != nil {
		if aor, ok := d.named(digits(u.UserUnescaped()), domain); ok {
			return aor, domain, nil
		}
	}
	return d.resolveNumber(u.UserUnescaped(), domain)
}

// numberDomain is the domain whose habits of dialling a tel URI follows: that
// of its phone-context, else the only one there is.
func (d *Directory) numberDomain(u sip.URI) *Domain {
	if context, ok := u.Params.Get("phone-context"); ok {
		return d.domains[strings.ToLower(string(context))]
	}
	var only *Domain
	for _, domain := range d.domains {
		if only != nil && only.Name != domain.Name {
			return nil
		}
		only = domain
	}
	return only
}

func (d *Directory) resolveNumber(written string, domain *Domain) (event.AoR, *Domain, error) {
	number, ok := canonicalNumber(written, domain)
	if !ok {
		return "", domain, ErrNoUser
	}
	if aor, ok := d.numbers[number]; ok {
		return aor, domain, nil
	}
	return "", domain, ErrNoUser
}

// canonicalNumber makes +49891234 of a number as a domain's people dial it; ok
// is false for what is no number.
func canonicalNumber(written string, domain *Domain) (string, bool) {
	if strings.Trim(written, "+0123456789-.() ") != "" || strings.Trim(written, "+-.() ") == "" {
		return "", false
	}
	number := digits(written)
	if strings.HasPrefix(number, "+") || domain == nil || domain.Country == "" {
		return number, true
	}
	switch rest, national := strings.CutPrefix(number, domain.Prefix); {
	case strings.HasPrefix(number, "00"):
		return "+" + number[2:], true
	case national && domain.Prefix != "":
		return "+" + domain.Country + rest, true
	}
	return "+" + domain.Country + domain.Area + number, true
}

// digits drops the visual separators of RFC 3966 §5.1.1.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, s)
}

// Serves tells whether a host, in lower case, is one of a domain's names.
func (d *Directory) Serves(host string) bool { return d.domains[host] != nil }

// Credentials are those of a digest username in a realm.
func (d *Directory) Credentials(realm, username string) (digest.HA1s, event.AoR, bool) {
	k, ok := d.credentials[credential{realm, username}]
	return k.ha1, k.aor, ok
}

// Follow compares a new snapshot with the one that it replaces.
func (d *Directory) Follow(old *Directory) {
	d.gone = maps.Clone(old.gone)
	if d.gone == nil {
		d.gone = map[event.AoR]bool{}
	}
	for aor := range old.users {
		d.gone[aor] = true
	}
	for aor := range d.users {
		delete(d.gone, aor)
	}
}

// Lost are the users that a snapshot had and this one does not.
func (d *Directory) Lost(old *Directory) (list []event.AoR) {
	for aor := range old.users {
		if _, ok := d.users[aor]; !ok {
			list = append(list, aor)
		}
	}
	return list
}

// Has tells whether there is such a user.
func (d *Directory) Has(aor event.AoR) bool {
	_, ok := d.users[aor]
	return ok || d.open
}

// Gone tells whether a user was removed since the start. Who never was one may
// still be somebody: a trusted peer.
func (d *Directory) Gone(aor event.AoR) bool { return !d.open && d.gone[aor] }

// Name is a user's display name.
func (d *Directory) Name(aor event.AoR) string { return d.users[aor] }

// Default is the state that a user's domain sets for those of whom nothing else is
// said, and its note; "": none.
func (d *Directory) Default(aor event.AoR) (state, note string) {
	one := d.domainOf(aor)
	return one.Default, one.Note
}

// SameDefaults tells whether two snapshots have the same defaults.
func (d *Directory) SameDefaults(other *Directory) bool {
	for name, one := range d.domains {
		if was := other.domains[name]; was == nil || was.Default != one.Default || was.Note != one.Note {
			return false
		}
	}
	return len(d.domains) == len(other.domains)
}

// Zone is the time zone of a user's domain; "": none is set.
func (d *Directory) Zone(aor event.AoR) string { return d.domainOf(aor).Zone }

// DND is how calls to a user are refused who does not want to be disturbed: a
// status, 480 where none is set, or DNDOff.
func (d *Directory) DND(aor event.AoR) string { return cmp.Or(d.domainOf(aor).DND, "480") }

func (d *Directory) domainOf(aor event.AoR) Domain {
	_, host, _ := strings.Cut(string(aor), "@")
	if one := d.domains[host]; one != nil {
		return *one
	}
	return Domain{}
}

// UserAoR is the AoR of a user as people write it, user[@domain] or a whole
// URI, where no domain is written in that one.
func UserAoR(user, domain string) event.AoR {
	user = strings.TrimPrefix(user, "sip:")
	name, host, ok := strings.Cut(user, "@")
	if !ok {
		host = domain
	}
	return event.AoR("sip:" + name + "@" + strings.ToLower(host))
}

// SameDomain tells whether two AoRs belong to the same presence domain.
func SameDomain(a, b event.AoR) bool {
	_, x, ok := strings.Cut(string(a), "@")
	_, y, _ := strings.Cut(string(b), "@")
	return ok && x == y
}

// Rules are those of a domain, a document of RFC 4745; "": policy's default.
func (d *Directory) Rules(domain string) string {
	if one := d.domains[domain]; one != nil {
		return one.Rules
	}
	return ""
}

// Listed are the domains whose users may watch those of a domain.
func (d *Directory) Listed(domain string) []string {
	if one := d.domains[domain]; one != nil {
		return one.Watchers
	}
	return nil
}

// Lists tells whether a domain lists another as one whose users may watch.
func (d *Directory) Lists(domain, other string) bool {
	one := d.domains[domain]
	return one != nil && slices.Contains(one.Watchers, other)
}

// Book holds the snapshot of now; its zero value holds an empty one.
type Book struct{ now atomic.Pointer[Directory] }

// Load is the snapshot of now.
func (b *Book) Load() *Directory {
	if d := b.now.Load(); d != nil {
		return d
	}
	return &Directory{}
}

// Store makes a snapshot that of now.
func (b *Book) Store(d *Directory) { b.now.Store(d) }

// Realm is that of a domain, by one of its names.
func (d *Directory) Realm(host string) (string, bool) {
	one := d.domains[host]
	if one == nil {
		return "", false
	}
	return one.Realm, true
}

// Realms are those of all domains.
func (d *Directory) Realms() []string {
	all := map[string]bool{}
	for _, one := range d.domains {
		all[one.Realm] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// People are all users with their names, in no order.
func (d *Directory) People(yield func(event.AoR, string) bool) {
	for aor, name := range d.users {
		if !yield(aor, name) {
			return
		}
	}
}

// Called are the aliases of a user.
func (d *Directory) Called(aor event.AoR) []string { return d.called[aor] }
