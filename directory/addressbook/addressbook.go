// Package addressbook reads people of other address books, to be found beside the
// users of the server: CSV with a line of headings, in UTF-8 or CP949, and vCard (RFC
// 6350, and its version 3). It gives all of a file or says which line is wrong. It
// keeps nothing, and reads no pictures that are part of a file.
package addressbook

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/unicode/norm"
)

// Contact is somebody in an address book.
type Contact struct {
	Line       int      // of the file, where it begins
	ID         string   // that the other address book has given; "": none
	Name       string   // as it is shown
	Numbers    []string // as they are written
	User       string   // user[@domain], or a sip address: the user that this is; "": maybe by a number
	Department string
	Title      string
	Mail       string
	Photo      string // a web address
}

// What is taken of a file at most.
const (
	MaxBytes   = 16 << 20
	maxPeople  = 50_000
	maxNumbers = 10
	maxText    = 256 // bytes
)

var (
	errLarge    = fmt.Errorf("the file is larger than %d MiB", MaxBytes>>20)
	errMany     = fmt.Errorf("there are more than %d people", maxPeople)
	errNobody   = errors.New("there is nobody in the file")
	errEncoding = errors.New("neither UTF-8 nor CP949")
	errNameless = errors.New("neither a name, a number nor a mail address")
)

// LineError says what is wrong with which line.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// Read reads a file, whatever it is of the two. The error may be a *LineError.
func Read(file []byte) (people []Contact, err error) {
	if len(file) > MaxBytes {
		return nil, errLarge
	}
	text, err := decode(file)
	if err != nil {
		return nil, err
	}
	if begins := strings.TrimSpace(text[:min(len(text), 100)]); len(begins) >= 11 && strings.EqualFold(begins[:11], "BEGIN:VCARD") {
		people, err = readVCards(text)
	} else {
		people, err = readCSV(text)
	}
	if err == nil && len(people) == 0 {
		err = errNobody
	}
	if err != nil {
		return nil, err
	}
	return people, nil
}

// decode makes UTF-8 of what may be CP949, which spreadsheets in Korea write.
func decode(file []byte) (string, error) {
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if utf8.Valid(file) {
		return string(file), nil
	}
	text, err := korean.EUCKR.NewDecoder().Bytes(file)
	if err != nil {
		return "", errEncoding
	}
	if before, _, wrong := bytes.Cut(text, []byte(string(utf8.RuneError))); wrong {
		return "", &LineError{1 + bytes.Count(before, []byte("\n")), errEncoding}
	}
	return string(text), nil
}

// check makes a contact as it is kept, or says why it cannot be.
func (c *Contact) check() error {
	for _, f := range []*string{&c.Name, &c.User, &c.Department, &c.Title, &c.Mail, &c.Photo, &c.ID} {
		*f = norm.NFC.String(strings.Join(strings.Fields(*f), " "))
		if err := checkText(*f); err != nil {
			return err
		}
	}
	var numbers []string
	for _, n := range c.Numbers {
		n = strings.Join(strings.Fields(n), " ")
		if err := checkText(n); err != nil {
			return err
		}
		if n != "" {
			numbers = append(numbers, n)
		}
	}
	if c.Numbers = numbers; len(numbers) > maxNumbers {
		return fmt.Errorf("more than %d numbers", maxNumbers)
	}
	if !strings.HasPrefix(c.Photo, "https://") && !strings.HasPrefix(c.Photo, "http://") {
		c.Photo = ""
	}
	if c.Name == "" && c.Mail == "" && len(c.Numbers) == 0 {
		return errNameless
	}
	c.Name = cmp.Or(c.Name, c.Mail, strings.Join(c.Numbers[:min(len(c.Numbers), 1)], ""))
	return nil
}

func checkText(s string) error {
	if len(s) > maxText {
		return fmt.Errorf("%q… is longer than %d bytes", strings.ToValidUTF8(s[:40], ""), maxText)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q holds control characters", s)
	}
	return nil
}

// Key tells who is the same when a file is read again.
func (c *Contact) Key() string {
	switch {
	case c.ID != "":
		return "id " + c.ID
	case c.Mail != "":
		return "mail " + strings.ToLower(c.Mail) + " " + c.Name
	}
	return "name " + c.Name + " " + strings.Join(c.Numbers[:min(len(c.Numbers), 1)], "")
}
