package addressbook

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"
)

func cp949(t testing.TB, s string) string {
	b, err := korean.EUCKR.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	hong := Contact{Line: 2, Name: "홍길동", Numbers: []string{"02-123-4567", "1001"}, Department: "영업팀", Title: "과장", Mail: "hong@example.com"}
	korean := "이름,전화번호,내선,부서,직급,이메일\r\n홍길동,02-123-4567,1001,영업팀,과장,hong@example.com\r\n,,,,,\r\n"
	for name, c := range map[string]struct {
		text string
		want []Contact
	}{
		"UTF-8":        {korean, []Contact{hong}},
		"with a mark":  {"\ufeff" + korean, []Contact{hong}},
		"CP949":        {cp949(t, korean), []Contact{hong}},
		"rare in it":   {cp949(t, "이름,번호\n똠방각하,1\n"), []Contact{{Line: 2, Name: "똠방각하", Numbers: []string{"1"}}}},
		"semicolons":   {"Name;Phone;Notes\nAnn;\"1; 2\";x\n", []Contact{{Line: 2, Name: "Ann", Numbers: []string{"1", "2"}}}},
		"tabs":         {"First Name\tLast Name\tE-mail Address\nAnn\tLee\ta@b.c\n", []Contact{{Line: 2, Name: "Ann Lee", Mail: "a@b.c"}}},
		"two names":    {"성,명,번호\n남궁,민수,1\n", []Contact{{Line: 2, Name: "남궁민수", Numbers: []string{"1"}}}},
		"apart":        {"name\n" + "\u1112\u1169\u11bc\n", []Contact{{Line: 2, Name: "홍"}}},
		"many lines":   {"name,phone\n\"Ann\nLee\",1\nBob,2\n", []Contact{{Line: 2, Name: "Ann Lee", Numbers: []string{"1"}}, {Line: 4, Name: "Bob", Numbers: []string{"2"}}}},
		"a number":     {"name,phone\n,12\n", []Contact{{Line: 2, Name: "12", Numbers: []string{"12"}}}},
		"vCard 3":      {"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u1\r\nFN:Ann\r\n  Lee\r\nORG:Firm;Sales\r\nTITLE:Head\r\nTEL;TYPE=WORK,VOICE:+49 89 1\r\nTEL;TYPE=CELL:2\r\nEMAIL;TYPE=INTERNET:a@b.c\r\nPHOTO;ENCODING=b:AAAA\r\nEND:VCARD\r\n", []Contact{{Line: 1, ID: "u1", Name: "Ann Lee", Numbers: []string{"+49 89 1", "2"}, Department: "Sales", Title: "Head", Mail: "a@b.c"}}},
		"vCard 4":      {"\nBEGIN:VCARD\nVERSION:4.0\nFN:Ann\nTEL;VALUE=uri:tel:+4989;ext=1\nIMPP:sip:ann@example.test\nPHOTO:https://a.test/p.jpg\nEND:VCARD\n", []Contact{{Line: 2, Name: "Ann", Numbers: []string{"+4989"}, User: "sip:ann@example.test", Photo: "https://a.test/p.jpg"}}},
		"without FN":   {"BEGIN:VCARD\nVERSION:3.0\nN:홍;길동;;;\nEND:VCARD\n", []Contact{{Line: 1, Name: "홍길동"}}},
		"two of them":  {"BEGIN:VCARD\nVERSION:3.0\nFN:A\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:B\nEND:VCARD\n", []Contact{{Line: 1, Name: "A"}, {Line: 5, Name: "B"}}},
		"and back":     {written(t, []Contact{hong}), []Contact{hong}},
		"by a user":    {"name,user\nAnn,alice\n", []Contact{{Line: 2, Name: "Ann", User: "alice"}}},
		"a short line": {"name,phone,mail\nAnn\n", []Contact{{Line: 2, Name: "Ann"}}},
	} {
		got, err := Read([]byte(c.text))
		for i := range got {
			if got[i].Numbers != nil && len(got[i].Numbers) == 0 {
				got[i].Numbers = nil
			}
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\n%+v\nwant\n%+v", name, err, got, c.want)
		}
	}
}

func written(t testing.TB, people []Contact) string {
	var b strings.Builder
	if err := WriteCSV(&b, people); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]int{
		"":                             0,
		"name,phone\n":                 0,
		"who,phone\nAnn,1\n":           1,
		"name,phone\nAnn,1\nBob,1,2\n": 3,
		"name,phone\nAnn,1\n\"Bob,1\n": 3,
		"name,mail\nAnn,a\n" + ",\n" + "\x01,b\n":       4,
		"name\nAnn\n" + strings.Repeat("b", 300) + "\n": 3,
		"name\nAnn\n\xff\xff\n":                         3,
		"BEGIN:VCARD\nFN:A\nEND:VCARD\nx\n":             4,
		"BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\n":        1,
		"BEGIN:VCARD\nFN:A\nEND:VCARD\nBEGIN:VCARD\nx":  4,
		"name,department\nAnn,x\n,y\n":                  3,
	} {
		_, err := Read([]byte(text))
		var at *LineError
		if err == nil || errors.As(err, &at) != (want != 0) || at != nil && at.Line != want {
			t.Errorf("%q: %v, want line %d", text, err, want)
		}
	}
	if _, err := Read(make([]byte, MaxBytes+1)); err == nil {
		t.Error("a large file")
	}
	if _, err := Read([]byte("name\n" + strings.Repeat("Ann\n", maxPeople+1))); !errors.Is(err, errMany) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("이름,번호\n홍길동,1\n"))
	f.Add([]byte(cp949(f, "이름,번호\n홍길동,1\n")))
	f.Add([]byte("BEGIN:VCARD\nVERSION:3.0\nFN:A\nTEL;TYPE=\"x\":1\nEND:VCARD\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		people, err := Read(file)
		if (err == nil) != (len(people) > 0) {
			t.Fatal(people, err)
		}
		for _, c := range people {
			if c.Name == "" || c.Key() == "" || len(c.Numbers) > maxNumbers {
				t.Errorf("%+v", c)
			}
		}
		if err == nil {
			if again, err := Read([]byte(written(t, people))); err != nil || len(again) != len(people) {
				t.Errorf("%v: %d, not %d", err, len(again), len(people))
			}
		}
	})
}
