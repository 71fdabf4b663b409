package addressbook

import (
	"errors"
	"strings"

	"github.com/emersion/go-vcard"
)

var (
	errNoEnd   = errors.New("this card has no END:VCARD")
	errBetween = errors.New("text between two cards")
)

// readVCards reads one card after the other.
func readVCards(text string) (people []Contact, err error) {
	var card strings.Builder
	begin, line := 0, 0
	for one := range strings.Lines(text) {
		line++
		switch word := strings.ToUpper(strings.TrimSpace(one)); {
		case begin == 0 && word == "":
		case begin == 0 && word != "BEGIN:VCARD":
			return nil, &LineError{line, errBetween}
		case begin != 0 && word == "BEGIN:VCARD":
			return nil, &LineError{begin, errNoEnd}
		case word == "END:VCARD":
			card.WriteString("END:VCARD\r\n")
			c, err := contact(card.String())
			if c.Line = begin; err != nil {
				return nil, &LineError{begin, err}
			}
			if people = append(people, c); len(people) > maxPeople {
				return nil, errMany
			}
			card.Reset()
			begin = 0
		default:
			if begin == 0 {
				begin = line
			}
			card.WriteString(strings.TrimRight(one, "\r\n") + "\r\n")
		}
	}
	if begin != 0 {
		return nil, &LineError{begin, errNoEnd}
	}
	return people, nil
}

// contact reads a card.
func contact(text string) (c Contact, err error) {
	card, err := vcard.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		return c, err
	}
	c = Contact{ID: card.Value(vcard.FieldUID), Name: card.PreferredValue(vcard.FieldFormattedName), Title: card.PreferredValue(vcard.FieldTitle),
		Mail: card.PreferredValue(vcard.FieldEmail), Photo: card.PreferredValue(vcard.FieldPhoto)}
	if n := card.Name(); c.Name == "" && n != nil {
		c.Name = joined(n.GivenName, n.FamilyName)
	}
	if !strings.HasPrefix(c.Photo, "http") {
		c.Photo = "" // it is the picture itself
	}
	if _, unit, ok := strings.Cut(card.PreferredValue(vcard.FieldOrganization), ";"); ok {
		c.Department = strings.ReplaceAll(strings.Trim(unit, ";"), ";", " ")
	}
	for _, tel := range card.Values(vcard.FieldTelephone) {
		tel, _, _ = strings.Cut(strings.TrimPrefix(tel, "tel:"), ";")
		c.Numbers = append(c.Numbers, tel)
	}
	for _, address := range append(card.Values(vcard.FieldIMPP), card.Values("X-SIP")...) {
		if strings.HasPrefix(strings.ToLower(address), "sip:") && c.User == "" {
			c.User = address
		}
	}
	return c, c.check()
}
