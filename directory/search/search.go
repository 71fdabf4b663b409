// Package search finds people as one types: by name in Hangul or Latin letters, by
// number in any format, department, title and mail. It looks through all of them for
// every query, which for tens of thousands takes a few milliseconds; it keeps nothing
// on disk and knows nothing of who may see whom.
package search

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"lamplight/event"
)

// Person is somebody who can be found.
type Person struct {
	ID         string    // unique
	AoR        event.AoR // "": no user of ours
	Name       string
	Numbers    []string // as people write them
	Department string
	Title      string
	Mail       string
}

// Index is people who can be found. It is never changed.
type Index struct{ entries []entry }

// entry is a person, made ready for being compared.
type entry struct {
	Person
	name    []rune   // in lower case
	words   [][]rune // of the name
	roman   string
	digits  []string
	fields  []string // the rest, in lower case
	ordered string
}

// New makes an index.
func New(people []Person) *Index {
	x := &Index{entries: make([]entry, len(people))}
	for i, p := range people {
		name := fold(cmp.Or(p.Name, user(p.AoR)))
		e := entry{Person: p, name: []rune(strings.ReplaceAll(name, " ", "")), ordered: name, fields: []string{name, fold(p.Department), fold(p.Title), fold(p.Mail), fold(user(p.AoR))}}
		for w := range strings.FieldsSeq(name) {
			e.words = append(e.words, []rune(w))
		}
		if slices.ContainsFunc(e.name, isSyllable) {
			e.roman = romanised(e.name)
		}
		for _, n := range p.Numbers {
			e.digits = append(e.digits, digits(n))
		}
		x.entries[i] = e
	}
	slices.SortFunc(x.entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.ordered, b.ordered), strings.Compare(a.ID, b.ID))
	})
	return x
}

// Len is how many people there are.
func (x *Index) Len() int { return len(x.entries) }

// fold makes text comparable: composed, in lower case, with single spaces.
func fold(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(s))), " ")
}

func user(aor event.AoR) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(aor), "sip:"), "@")
	return name
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// Liking is what ranks people for who searches. Each may be nil.
type Liking struct {
	Favourite  func(Person) bool
	Recent     func(Person) bool
	Department string
}

// maxQuery is how much of a query is looked at, in runes.
const maxQuery = 100

// Search gives those whom a query finds, the best first, at most limit; all where it
// is empty.
func (x *Index) Search(query string, like Liking, limit int) []Person {
	terms := parse(query)
	type hit struct {
		*entry
		score int
	}
	var hits []hit
	for i := range x.entries {
		if e := &x.entries[i]; true {
			if score, ok := e.matches(terms); ok {
				hits = append(hits, hit{e, score + like.of(e.Person)})
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	people := make([]Person, 0, min(limit, len(hits)))
	for _, h := range hits[:min(limit, len(hits))] {
		people = append(people, h.Person)
	}
	return people
}

func (l Liking) of(p Person) (score int) {
	if l.Favourite != nil && l.Favourite(p) {
		score += 1000
	}
	if l.Recent != nil && l.Recent(p) {
		score += 500
	}
	if l.Department != "" && l.Department == p.Department {
		score += 100
	}
	return score
}

// term is one word of a query, in all the ways in which it can be meant.
type term struct {
	text   string
	runes  []rune
	slip   []rune // typed on the wrong keyboard; nil: it was not
	digits string // "": it is no number
}

func parse(query string) (terms []term) {
	raw := []rune(norm.NFC.String(query))
	raw = raw[:min(len(raw), maxQuery)]
	if number := digits(string(raw)); number != "" && strings.Trim(string(raw), "0123456789 +-./()") == "" {
		return []term{{text: strings.TrimSpace(string(raw)), runes: []rune(number), digits: number}}
	}
	for w := range strings.FieldsSeq(string(raw)) {
		t := term{text: strings.ToLower(w)}
		t.runes = []rune(t.text)
		if s := slip(w); s != "" && strings.ContainsFunc(s, func(r rune) bool { return isSyllable(r) || isConsonant(r) }) {
			t.slip = []rune(s)
		}
		if d := digits(w); d != "" && !strings.ContainsFunc(w, unicode.IsLetter) {
			t.digits = d
		}
		terms = append(terms, t)
	}
	return terms
}

// matches tells whether all words of a query mean somebody, and how well.
func (e *entry) matches(terms []term) (score int, ok bool) {
	for i := range terms {
		s := e.match(&terms[i])
		if s == 0 {
			return 0, false
		}
		score += s
	}
	return score, true
}

// match is how well one word means somebody, from 300 down to 0: not at all.
func (e *entry) match(t *term) int {
	switch {
	case begins(e.name, t.runes):
		return 300
	case slices.ContainsFunc(e.words, func(w []rune) bool { return begins(w, t.runes) }):
		return 250
	case t.digits != "" && e.hasNumber(t.digits):
		return 200
	case t.slip != nil && begins(e.name, t.slip):
		return 180
	case e.roman != "" && strings.HasPrefix(e.roman, t.text):
		return 160
	case contains(e.name, t.runes), t.slip != nil && contains(e.name, t.slip):
		return 120
	case slices.ContainsFunc(e.fields, func(f string) bool { return strings.Contains(f, t.text) }), e.roman != "" && strings.Contains(e.roman, t.text):
		return 50
	}
	return 0
}

// hasNumber compares digits; what stands before a national number, 0 or the code of
// a country, may be written or not.
func (e *entry) hasNumber(typed string) bool {
	national := strings.TrimLeft(typed, "0")
	return slices.ContainsFunc(e.digits, func(d string) bool {
		return strings.Contains(d, typed) || len(national) >= 4 && len(national) < len(typed) && strings.Contains(d, national) ||
			len(typed) > 8 && len(d) > 7 && strings.HasSuffix(typed, strings.TrimLeft(d, "0"))
	})
}
