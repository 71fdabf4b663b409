package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/directory/search"
	"lamplight/event"
	"lamplight/store/cold"
)

// shelves are an address book.
type shelves []cold.Person

func (s shelves) People() ([]cold.Person, error) { return s, nil }

// People are users and who is imported, and somebody who is both is found once.
func TestSearch(t *testing.T) {
	book := shelves{
		{ID: 1, Name: "홍길동", Numbers: []string{"02-123-4567"}, Department: "영업팀", Mail: "hong@partner.test"},
		{ID: 2, Name: "Alice Alison", Numbers: []string{"+49 (89) 1234-1002", "+49 170 1"}, Department: "Sales"},
		{ID: 3, Name: "Robert", Mail: "Bob@example.test", Department: "Sales"},
		{ID: 4, Name: "Carolus", AoR: "sip:carol@example.test", Department: "Support"},
		{ID: 5, Name: "Alicia", AoR: "sip:gone@example.test", Department: "Support"},
	}
	inOffice(t, func(o *app.Options) { o.AddressBook = book }, func(o *office) {
		for query, want := range map[string]string{
			"ㅎㄱㄷ": "홍길동", "ghdrlfehd": "홍길동", "1234567": "홍길동",
			"ali":    "Alice sip:alice@example.test, Alicia",
			"1701":   "Alice sip:alice@example.test",
			"rob":    "Robert sip:bob@example.test",
			"carolu": "Carolus sip:carol@example.test",
			"nobody": "",
		} {
			var got []string
			for _, p := range o.server.Search("sip:bob@example.test", query, search.Liking{}, 10) {
				got = append(got, strings.TrimSpace(p.Name+" "+string(p.AoR)))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		// Carol's own department, as the address book has it, comes first.
		if got := o.server.Search("sip:carol@example.test", "ali", search.Liking{}, 1); len(got) != 1 || got[0].Name != "Alicia" {
			t.Errorf("%+v", got)
		}
	})
}

// Of 20,000 people some are found while a key is being pressed.
func TestSearchIsFast(t *testing.T) {
	book := make(shelves, 20_000)
	for i := range book {
		book[i] = cold.Person{ID: int64(i + 1), Name: fmt.Sprintf("%c%c%c", '가'+i*7%11000, '가'+i*13%11000, '가'+i%11000), Numbers: []string{fmt.Sprintf("02-%07d", i)},
			AoR: event.AoR(fmt.Sprintf("sip:p%d@elsewhere.test", i)), Department: "영업팀"}
	}
	s, err := app.New(app.Options{Serve: config.Serve{Data: "memory", Domain: []string{"example.test"}}, AddressBook: book})
	if err != nil {
		t.Fatal(err)
	}
	s.Search("", "", search.Liking{}, 1) // makes the index
	for _, query := range []string{"ㄱ", "가", "rk", "0000123", "영업", "nobody"} {
		least := time.Hour
		for range 5 {
			began := time.Now()
			s.Search("sip:alice@example.test", query, search.Liking{}, 20)
			least = min(least, time.Since(began))
		}
		if least > 500*time.Millisecond {
			t.Errorf("%s takes %v", query, least)
		}
		t.Log(query, least)
	}
}
