package addressbook

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// column is what a heading means.
type column uint8

const (
	other column = iota
	fullName
	firstName
	lastName
	number
	user
	department
	jobTitle
	mail
	photo
	id
)

// headings are what columns are called, in lower case without spaces and signs.
var headings = map[string]column{
	"name": fullName, "displayname": fullName, "fullname": fullName, "이름": fullName, "성명": fullName, "표시이름": fullName,
	"firstname": firstName, "givenname": firstName, "lastname": lastName, "surname": lastName, "familyname": lastName, "성": lastName, "명": firstName,
	"number": number, "numbers": number, "phone": number, "phonenumber": number, "telephone": number, "tel": number, "mobile": number, "mobilephone": number, "cell": number,
	"extension": number, "ext": number, "businessphone": number, "officephone": number, "workphone": number, "homephone": number, "phone1value": number, "phone2value": number,
	"전화": number, "전화번호": number, "내선": number, "내선번호": number, "휴대폰": number, "휴대전화": number, "핸드폰": number, "직통": number, "직통번호": number, "사무실전화": number, "회사전화": number, "번호": number,
	"user": user, "aor": user, "sip": user, "sipaddress": user, "사용자": user, "sip주소": user,
	"department": department, "dept": department, "team": department, "organizationdepartment": department, "부서": department, "부서명": department, "소속": department, "팀": department,
	"title": jobTitle, "jobtitle": jobTitle, "position": jobTitle, "직책": jobTitle, "직위": jobTitle, "직급": jobTitle, "직함": jobTitle,
	"mail": mail, "email": mail, "emailaddress": mail, "메일": mail, "이메일": mail, "전자우편": mail, "메일주소": mail, "이메일주소": mail, "email1value": mail,
	"photo": photo, "picture": photo, "사진": photo, "id": id, "uid": id, "사번": id, "employeeid": id,
}

var errNoName = errors.New("no column is called name, 이름, first name or last name: the first line says what the columns are")

// readCSV reads lines whose columns are divided by commas, semicolons or tabs.
func readCSV(text string) (people []Contact, err error) {
	first, _, _ := strings.Cut(text, "\n")
	in := csv.NewReader(strings.NewReader(text))
	for _, divider := range []rune{';', '\t'} {
		if strings.Count(first, string(divider)) > strings.Count(first, string(in.Comma)) {
			in.Comma = divider
		}
	}
	in.FieldsPerRecord, in.TrimLeadingSpace, in.ReuseRecord = -1, in.Comma != '\t', true
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errNobody
	}
	if err != nil {
		return nil, csvError(err)
	}
	columns := make([]column, len(head))
	for i, h := range head {
		columns[i] = headings[heading(h)]
	}
	if !slices.ContainsFunc(columns, func(c column) bool { return c == fullName || c == firstName || c == lastName }) {
		return nil, &LineError{1, errNoName}
	}
	for {
		fields, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return people, nil
		case err != nil:
			return nil, csvError(err)
		case len(people) >= maxPeople:
			return nil, errMany
		case !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" }):
			continue // spreadsheets end with such lines
		}
		line, _ := in.FieldPos(0)
		if len(fields) > len(columns) && slices.ContainsFunc(fields[len(columns):], func(f string) bool { return f != "" }) {
			return nil, &LineError{line, fmt.Errorf("%d columns, where the first line has %d", len(fields), len(columns))}
		}
		c := row(columns, fields)
		c.Line = line
		if err := c.check(); err != nil {
			return nil, &LineError{line, err}
		}
		people = append(people, c)
	}
}

func csvError(err error) error {
	var at *csv.ParseError
	if errors.As(err, &at) {
		return &LineError{at.Line, at.Err}
	}
	return err
}

// heading is one as the table has it.
func heading(h string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-./()", r) {
			return -1
		}
		return r
	}, strings.ToLower(h))
}

func row(columns []column, fields []string) (c Contact) {
	var first, last string
	for i, f := range fields[:min(len(fields), len(columns))] {
		switch f = strings.Clone(strings.TrimSpace(f)); columns[i] {
		case fullName:
			c.Name = f
		case firstName:
			first = f
		case lastName:
			last = f
		case number:
			c.Numbers = append(c.Numbers, strings.FieldsFunc(f, func(r rune) bool { return strings.ContainsRune(";,|\n", r) })...)
		case user:
			c.User = f
		case department:
			c.Department = f
		case jobTitle:
			c.Title = f
		case mail:
			c.Mail = f
		case photo:
			c.Photo = f
		case id:
			c.ID = f
		}
	}
	if c.Name == "" {
		c.Name = joined(first, last)
	}
	return c
}

// joined is a whole name, in the order in which it is said.
func joined(first, last string) string {
	if strings.ContainsFunc(last, func(r rune) bool { return r >= '가' && r <= '힣' }) {
		return last + first
	}
	return strings.TrimSpace(first + " " + last)
}

// WriteCSV writes people as Read reads them.
func WriteCSV(w io.Writer, people []Contact) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // so that spreadsheets take it for UTF-8
		return err
	}
	out := csv.NewWriter(w)
	_ = out.Write([]string{"ID", "Name", "Numbers", "User", "Department", "Title", "Mail", "Photo"}) // Flush keeps the error
	for _, c := range people {
		_ = out.Write([]string{c.ID, c.Name, strings.Join(c.Numbers, ";"), c.User, c.Department, c.Title, c.Mail, c.Photo})
	}
	out.Flush()
	return out.Error()
}
