package search

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

var office = New([]Person{
	{ID: "1", AoR: "sip:gildong@office.test", Name: "홍길동", Numbers: []string{"1007", "02-555-1234"}, Department: "영업부"},
	{ID: "2", AoR: "sip:hana@office.test", Name: "최하나", Numbers: []string{"+82 10 2345 6789"}, Department: "개발부"},
	{ID: "3", AoR: "sip:alice@office.test", Name: "Alice Kim", Numbers: []string{"1001"}, Department: "Sales", Mail: "alice.kim@office.test", Title: "Manager"},
	{ID: "4", AoR: "sip:bob@office.test", Name: "Bob Lee", Numbers: []string{"1002"}, Department: "Sales"},
	{ID: "5", AoR: "sip:daeho@office.test", Name: "정대호", Department: "영업부"},
	{ID: "6", AoR: "sip:nameless@office.test"},
	{ID: "7", Name: norm.NFD.String("김값진"), Numbers: []string{"02 700 8000"}},
	{ID: "8", Name: "Inês Costa"},
})

func found(query string, like Liking) string {
	var names []string
	for _, p := range office.Search(query, like, 10) {
		names = append(names, norm.NFC.String(p.Name+user(p.AoR)))
	}
	return strings.Join(names, ",")
}

func TestPeopleAreFound(t *testing.T) {
	for query, want := range map[string]string{
		"홍길동": "홍길동gildong", "홍": "홍길동gildong", "ㅎㄱㄷ": "홍길동gildong", "홍ㄱㄷ": "홍길동gildong", "홍기": "홍길동gildong", "호": "홍길동gildong,정대호daeho", "홍길ㄷ": "홍길동gildong",
		"길동": "홍길동gildong", "ㄱㄷ": "홍길동gildong", "ghdrlfehd": "홍길동gildong", "ghdrl": "홍길동gildong", "hong": "홍길동gildong",
		"최한": "최하나hana", "chlgksk": "최하나hana", "ㅊㅎㄴ": "최하나hana", "김갑": "김값진", "김값ㅈ": "김값진", norm.NFD.String("홍길"): "홍길동gildong",
		"alice": "Alice Kimalice", "ALICE kim": "Alice Kimalice", "kim": "Alice Kimalice,김값진", "lee bob": "Bob Leebob", "inês": "Inês Costa", "manager": "Alice Kimalice", "kim@office": "Alice Kimalice",
		"1007": "홍길동gildong", "025551234": "홍길동gildong", "02) 555-12": "홍길동gildong", "010-2345-6789": "최하나hana", "+82102345": "최하나hana", "6789": "최하나hana",
		"영업부": "정대호daeho,홍길동gildong", "nameless": "nameless", "nobody": "", "홍길순": "", "9999": "",
	} {
		if got := found(query, Liking{}); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	if got := office.Search("", Liking{}, 3); len(got) != 3 {
		t.Errorf("nothing asked for finds %d", len(got))
	}
}

func TestWhoIsNearComesFirst(t *testing.T) {
	sales := Liking{Department: "Sales"}
	if got := found("10", sales); !strings.HasPrefix(got, "Alice Kim") {
		t.Errorf("own department: %s", got)
	}
	bob := func(p Person) bool { return p.ID == "4" }
	if got := found("100", Liking{Favourite: bob, Department: "Sales"}); !strings.HasPrefix(got, "Bob Lee") {
		t.Errorf("favourite: %s", got)
	}
	if got := found("100", Liking{Recent: bob}); !strings.HasPrefix(got, "Bob Lee") {
		t.Errorf("recent: %s", got)
	}
}

func TestTheKeyboardSlip(t *testing.T) {
	for typed, want := range map[string]string{"ghdrlfehd": "홍길동", "RkR": "깎", "rkqt": "값", "rkqtl": "갑시", "dhkr": "왁", "ㅎ": "", "g": "ㅎ", "gk": "하", "gksk": "하나", "hello1": ""} {
		if got := slip(typed); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}

func many() *Index {
	given, family := []rune("길동하나민수영희철호지은서준도윤"), []rune("김이박최정강조윤장임")
	people := make([]Person, 20_000)
	for i := range people {
		name := string([]rune{family[i%10], given[i%16], given[i/16%16]})
		people[i] = Person{ID: fmt.Sprint(i), Name: name, Numbers: []string{fmt.Sprintf("02-%04d-%04d", i/10, i%10000)}, Department: "부서" + fmt.Sprint(i%50), Mail: fmt.Sprintf("u%d@office.test", i)}
	}
	return New(people)
}

// An answer of 20,000 people takes less than 50 ms; here there is more time, as
// tests share the machine.
func TestSearchIsQuick(t *testing.T) {
	x := many()
	for _, q := range []string{"", "ㄱㄱㄷ", "rlarlf", "02-19", "office u19", "김"} {
		began := time.Now()
		x.Search(q, Liking{}, 50)
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("%q took %s", q, took)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	x := many()
	for b.Loop() {
		x.Search("ㄱㄱㄷ", Liking{}, 50)
	}
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"홍ㄱ", "ghdrl", "02-5", "\xff", "ㄳ", " "} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, query string) { office.Search(query, Liking{}, 5) })
}
