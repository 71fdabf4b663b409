package standards

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestCitations checks every comment of the module.
func TestCitations(t *testing.T) {
	t.Parallel()
	wrong, err := Citations(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestRequirements checks that what is said to be done is shown by a test.
func TestRequirements(t *testing.T) {
	t.Parallel()
	_, wrong, err := Requirements(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestPageIsUpToDate fails when docs/standards.md was not generated anew.
func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	root := os.DirFS("..")
	want, err := Page(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../" + PageName)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error(PageName + " is stale: make generate")
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	if !slices.IsSortedFunc(index, func(a, b Standard) int { return a.Number - b.Number }) {
		t.Error("the index is not in the order of its numbers")
	}
	for i, s := range index {
		if slices.IndexFunc(index, func(o Standard) bool { return o.Number == s.Number }) != i {
			t.Errorf("RFC %d stands there twice", s.Number)
		}
		if s.State == Partly && s.Note == "" {
			t.Errorf("RFC %d: partly, and not said how far", s.Number)
		}
		if strings.Contains(s.Title+s.Note, "|") {
			t.Errorf("RFC %d: a bar breaks the table", s.Number)
		}
	}
	for number := range sections() {
		if _, ok := find(number); !ok {
			t.Errorf("sections of RFC %d, which is not in the index", number)
		}
	}
	for _, d := range deviations {
		if wrong := checkComment(d.Cite); wrong != nil || !strings.Contains(d.Cite, "§") {
			t.Errorf("%s: %q", d.Cite, wrong)
		}
	}
}

func TestCheckComment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		comment string
		wrong   string // what the one complaint contains; "" for none
	}{
		{"nothing to cite", ""},
		{"RFC 3903", ""},
		{"as RFC 3903 §6 says", ""},
		{"RFC 3261 §21.5.1, §21.5.4.", ""},
		{"RFC 3261 §7 and §17 to §18, and RFC 6665 §4.2.2", ""},
		{"RFC 3261 erratum 1234", ""},
		{"RFC 3339 §A", ""},
		{"RFC\n6665\n§4.2.2", ""},
		{"RFC 3265, obsoleted by RFC 6665", ""},
		{"RFC 3265 §3.1", "obsoleted"},
		{"RFC 2617", "obsoleted"},
		{"RFC 3903 §99", "no section 99"},
		{"RFC 3903 §6, §66", "no section 66"},
		{"RFC 6665 §7.3.2", "no section 7.3.2"},
		{"RFC 1", "write"},
		{"RFC 9999", "index"},
		{"RFC3903 has no space", "write"},
		{"RFC-3903", "write"},
		{"RFC 3903 section 6", "write"},
		{"RFC 3903, Section 6", "write"},
		{"RFC 3903 (section 6)", "write"},
		{"§6 of what?", "section sign"},
	} {
		wrong := checkComment(c.comment)
		switch {
		case c.wrong == "" && len(wrong) > 0:
			t.Errorf("%q: %q, want nothing wrong", c.comment, wrong)
		case c.wrong != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], c.wrong)):
			t.Errorf("%q: %q, want one that says %q", c.comment, wrong, c.wrong)
		}
	}
}

func TestCitationsBite(t *testing.T) {
	t.Parallel()
	wrong, err := Citations(fstest.MapFS{
		"a/a.go":          {Data: []byte("package a\n\n// RFC 3903 §6\nvar a = 1 // RFC 3903 §77\n")},
		"a/testdata/b.go": {Data: []byte("// RFC 3903 §77\npackage a\n")},
	})
	if err != nil || len(wrong) != 1 || !strings.HasPrefix(wrong[0], "a/a.go:4:11: ") {
		t.Errorf("%q, %v", wrong, err)
	}
}

func TestParseRequirementsBite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, wrong string }{
		{"# a comment\n\n3903-6-1 | MUST | Something. | todo\n3903-6-2 | says | More. | declined: why\n", ""},
		{"3903-6-1 | MUST | Something.\n", "x:1: not four fields"},
		{"3903-6-1 | SHALL | Something. | todo\n", "x:1: SHALL is no level"},
		{"3903-6-1 | MUST | Something. | declined\n", "x:1: declined is no state"},
		{"3903-6-1 | MUST | Something. | perhaps\n", "x:1: perhaps is no state"},
		{"3903-66-1 | MUST | Something. | todo\n", "x:1: RFC 3903 has no section 66"},
		{"3261-6-1 | MUST | Something. | todo\n", "x:1: 3261-6-1 is no id of this file"},
		{"3903-6-1 | MUST | A. | todo\n3903-6-1 | MUST | B. | todo\n", "x:2: 3903-6-1 stands there twice"},
	} {
		_, wrong := parseRequirements(3903, "x", c.text)
		if strings.Join(wrong, "; ") != c.wrong {
			t.Errorf("%q: %q, want %q", c.text, wrong, c.wrong)
		}
	}
}

// TestMentions uses ids that are no requirement of ours, and this folder is not
// searched.
func TestMentions(t *testing.T) {
	t.Parallel()
	shown, wrong, err := mentions(fstest.MapFS{
		"esc/a_test.go": {Data: []byte(`package esc

// TestA shows [3903-6-1]
// and more.
func TestA(t *testing.T) {
	for _, c := range []struct{ name string }{{"a case [3903-6-2]"}} {
		// [3903-6-1] again
	}
}

// [3903-6-3] is said of nothing.
var x = 1

func helper() {
	// [3903-6-4]
}

func FuzzB(f *testing.F) {} // [6665-4.2.1.1-2]
`)},
		"esc/a.go": {Data: []byte("// Package esc [3903-6-9]\npackage esc\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"3903-6-1": "esc.TestA", "3903-6-2": "esc.TestA", "6665-4.2.1.1-2": "esc.FuzzB", "3903-6-3": "", "3903-6-4": "", "3903-6-9": ""} {
		if got := strings.Join(shown[id], " "); got != want {
			t.Errorf("%s is shown by %q, want %q", id, got, want)
		}
	}
	if want := []string{"esc/a_test.go: 3903-6-3 is mentioned outside a test function", "esc/a_test.go: 3903-6-4 is mentioned outside a test function"}; !slices.Equal(wrong, want) {
		t.Errorf("%q, want %q", wrong, want)
	}
}

func TestCheckRequirementsBite(t *testing.T) {
	t.Parallel()
	list := []Requirement{
		{ID: "1-1-1", State: "done"}, {ID: "1-1-2", State: "done"},
		{ID: "1-1-3", State: "todo"}, {ID: "1-1-4", State: "todo"}, {ID: "1-1-5", State: "declined: why"},
	}
	wrong := checkRequirements(list, map[string][]string{"1-1-1": {"a.TestA"}, "1-1-3": {"a.TestB"}})
	want := []string{"1-1-2 is done, and no test says [1-1-2]", "1-1-3 is todo, and a.TestB shows it: say done"}
	if !slices.Equal(wrong, want) || list[0].Tests[0] != "a.TestA" {
		t.Errorf("%q, want %q", wrong, want)
	}
}

func TestHeadings(t *testing.T) {
	t.Parallel()
	got := headings([]byte("   1.  In the contents ... 3\n\n1. Introduction\n\n1.1  More\n\n   2. An item\n\n6.10.  Rate\n\nAppendix A. Changes\n\nB.1.  Notes\n"))
	if want := []string{"1", "1.1", "6.10", "A", "B.1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
