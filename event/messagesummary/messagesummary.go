// Package messagesummary is the event package of waiting messages (RFC 3842): what
// a voice mail, or several, has published of somebody's mailboxes. It leaves out
// the header fields of single messages, and subscriptions to a group's mailbox.
package messagesummary

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"lamplight/body/messagesummary"
	"lamplight/event"
)

// Event is the package's name.
const Event event.Name = "message-summary"

// Package is the event package.
type Package struct {
	Number string // that is called to hear the messages, told where a voice mail names no mailbox; "": none
}

// Event is the package's name.
func (Package) Event() event.Name { return Event }

// Reads lists what is composed.
func (Package) Reads() []event.Name { return []event.Name{Event} }

// Types lists how documents are labelled.
func (Package) Types() []string { return []string{messagesummary.Type} }

// AcceptTypes lists what may be published.
func (p Package) AcceptTypes() []string { return p.Types() }

// Lifetime follows RFC 3842 §3.4 and §3.11.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: time.Second, Burst: 1}
}

// Parse reads a published document.
func (Package) Parse(contentType string, body []byte) (event.Document, error) {
	if contentType != messagesummary.Type {
		return nil, event.ErrUnsupportedType
	}
	doc, err := messagesummary.Parse(body)
	if err != nil {
		return nil, &event.MalformedError{Reason: err.Error()}
	}
	return doc, nil
}

// Entity is nobody: the account of a document is the mailbox's URI, which may well
// be another than its user's.
func (Package) Entity(event.Document) string { return "" }

// Compose adds up the mailboxes of somebody (RFC 3842 §3.10): messages wait where
// some wait in any of them. Of one mailbox and class the newest word counts, so
// that a voice mail that begins anew is not added to itself.
func (p Package) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := event.Current(in, now)
	slices.SortStableFunc(live, func(a, b event.Input) int { return b.Made.Compare(a.Made) }) // the newest first
	sum := addition{classes: map[string]*messagesummary.Class{}, said: map[mailbox]bool{}, complete: true}
	for _, i := range live {
		if doc, ok := i.Doc.(*messagesummary.Summary); ok && i.Event == Event && doc != nil {
			sum.add(doc)
		}
	}
	return sum.summary(p.account(aor)), next
}

// account is the mailbox's URI where no voice mail names it.
func (p Package) account(aor event.AoR) string {
	_, host, _ := strings.Cut(string(aor), "@")
	if p.Number == "" {
		return ""
	}
	return "sip:" + p.Number + "@" + host
}

// mailbox is one class of one account.
type mailbox struct{ account, class string }

// addition is what has been added up.
type addition struct {
	waiting  bool
	accounts []string
	classes  map[string]*messagesummary.Class
	said     map[mailbox]bool
	complete bool // all have said how many there are
}

// add adds what nothing newer has been said of. A document without any counts
// speaks of voice messages.
func (a *addition) add(doc *messagesummary.Summary) {
	classes := doc.Classes
	if len(classes) == 0 {
		classes = []messagesummary.Class{{Name: messagesummary.Voice}}
	}
	newest, waits, whole := false, false, true
	for _, c := range classes {
		box := mailbox{strings.ToLower(doc.Account), c.Name}
		if a.said[box] {
			whole = false
			continue
		}
		a.said[box], newest = true, true
		waits = waits || c.New > 0
		if len(doc.Classes) > 0 {
			a.count(c)
		} else {
			a.complete = false
		}
	}
	if !newest {
		return
	}
	if doc.Waiting && (whole || waits) { // else those wait of which something newer was said
		a.waiting = true
	}
	if !slices.ContainsFunc(a.accounts, func(s string) bool { return strings.EqualFold(s, doc.Account) }) {
		a.accounts = append(a.accounts, doc.Account)
	}
}

func (a *addition) count(c messagesummary.Class) {
	sum := a.classes[c.Name]
	if sum == nil {
		a.classes[c.Name] = &c
		return
	}
	sum.New, sum.Old = plus(sum.New, c.New), plus(sum.Old, c.Old)
	sum.NewUrgent, sum.OldUrgent = plus(sum.NewUrgent, c.NewUrgent), plus(sum.OldUrgent, c.OldUrgent)
	sum.Urgent = sum.Urgent && c.Urgent
}

// plus adds, and stays at the largest count (RFC 3842 §3.5).
func plus(a, b uint32) uint32 { return uint32(min(uint64(a)+uint64(b), math.MaxUint32)) }

// summary is the sum. Counts are told where all have said some (RFC 3842 §3.10),
// and of who has no mailbox that it is empty: phones clear by it what they show.
func (a *addition) summary(account string) *messagesummary.Summary {
	s := &messagesummary.Summary{Waiting: a.waiting, Account: account, Unknown: len(a.said) == 0}
	if len(a.accounts) == 1 && a.accounts[0] != "" {
		s.Account = a.accounts[0]
	}
	if !a.complete {
		return s
	}
	for _, c := range a.classes {
		s.Classes = append(s.Classes, *c)
	}
	slices.SortFunc(s.Classes, func(a, b messagesummary.Class) int {
		return cmp.Or(place(a.Name)-place(b.Name), cmp.Compare(a.Name, b.Name))
	})
	if s.Classes = s.Classes[:min(len(s.Classes), messagesummary.MaxClasses)]; len(s.Classes) == 0 {
		s.Classes = []messagesummary.Class{{Name: messagesummary.Voice}}
	}
	return s
}

// place puts voice messages first: some phones read one line.
func place(class string) int {
	if class == messagesummary.Voice {
		return 0
	}
	return 1
}

// Encode prints a document.
func (Package) Encode(_ string, d event.Document, f event.Format) (event.Body, error) {
	doc := *d.(*messagesummary.Summary)
	if f.Profile&event.NoUrgent != 0 {
		doc.Classes = slices.Clone(doc.Classes)
		for i := range doc.Classes {
			doc.Classes[i].Urgent = false
		}
	}
	return event.Body{Head: doc.Append(nil)}, nil
}
