// Package phonebook is the directory for desk phones: lists of people in the XML of
// Yealink, Fanvil, Grandstream, Snom, Cisco and Poly, searched by ?q=, with a mark for
// each one's state in the name where ?state=1 asks for it. Who may read it, and whom
// and which states they see, is said by who serves it. It writes nothing.
package phonebook

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Person is an entry, as the phone's user may see it.
type Person struct {
	Name       string
	Numbers    []string // that can be dialled; who has none is left out
	Department string
	State      string // token of a state; "": none may be seen
}

// Search gives those whom a query finds, the best first, all where it is empty; ok
// is false for a phone that may not read the directory, which then was answered.
type Search func(w http.ResponseWriter, r *http.Request, query string, limit int) (people []Person, ok bool)

// What phones take at most.
const (
	most      = 1000
	ciscoPage = 32
	polyName  = 40 // bytes
	maxQuery  = 256
)

// marks are what stands before a name.
var marks = map[string]string{"available": "●", "ringing": "◎", "on-the-phone": "■", "on-hold": "■", "dnd": "⊖", "busy": "■",
	"meeting": "■", "away": "◐", "out-of-office": "◐", "offline": "○", "unknown": "?"}

// New answers under /phonebook/.
func New(search Search) http.Handler {
	mux := http.NewServeMux()
	for path, list := range map[string]func(*book) any{
		"yealink.xml": yealink, "fanvil.xml": yealink, "phonebook.xml": grandstream, "grandstream.xml": grandstream,
		"snom.xml": snom, "snom-menu.xml": snomMenu, "cisco.xml": cisco, "poly.xml": poly,
	} {
		answer := func(w http.ResponseWriter, r *http.Request) { serve(w, r, search, list) }
		mux.HandleFunc("GET /phonebook/"+path, answer)
		mux.HandleFunc("POST /phonebook/"+path, answer) // Snom's phones fetch so
	}
	return mux
}

// book is what one phone asked for.
type book struct {
	people []Person
	at     url.URL // what was asked
	page   int
}

func serve(w http.ResponseWriter, r *http.Request, search Search, list func(*book) any) {
	asked := r.URL.Query()
	query := asked.Get("q")
	if len(query) > maxQuery {
		http.Error(w, "the query is too long", http.StatusBadRequest)
		return
	}
	people, ok := search(w, r, query, most)
	if !ok {
		return
	}
	b := book{at: *r.URL}
	b.at.Scheme, b.at.Host = "http", r.Host // the phones follow whole addresses only
	if r.TLS != nil {
		b.at.Scheme = "https"
	}
	b.page, _ = strconv.Atoi(asked.Get("page"))
	for _, p := range people {
		if len(p.Numbers) == 0 || len(b.people) >= most {
			continue
		}
		if mark := marks[p.State]; mark != "" && asked.Get("state") == "1" {
			p.Name = mark + " " + p.Name
		}
		b.people = append(b.people, p)
	}
	text, err := xml.MarshalIndent(list(&b), "", " ")
	if err != nil {
		http.Error(w, "the list cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Cache-Control", "private, max-age=60")
	_, _ = fmt.Fprintf(w, "%s%s\n", xml.Header, text) // the phone may be gone
}

// cut shortens a name to so many bytes, at the end of a letter.
func cut(s string, most int) string {
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// names divides a name for phones that want two parts.
func names(s string) (first, last string) {
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
