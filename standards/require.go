package standards

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Requirement is one thing that a text asks of the server.
type Requirement struct {
	ID    string // "3903-6-12"
	Level string // MUST NOT; "says" for a plain statement
	Text  string // in our words
	State string // todo, done, "declined: why", "later: what it waits for"
	Tests []string
}

// required lists the texts whose requirements are listed one by one.
var required = []int{3903, 6665, 3856, 3261, 5626, 3263}

var (
	idForm = regexp.MustCompile(`^(\d{4,5})-([0-9A-Z]+(?:\.\d+)*)-\d+$`)
	levels = []string{"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "says"}
)

// readRequirements reads the requirements of one RFC, and says what is wrong
// with them.
func readRequirements(number int) (list []Requirement, wrong []string) {
	name := fmt.Sprintf("require/%d.txt", number)
	b, err := files.ReadFile(name)
	if err != nil {
		return nil, []string{err.Error()}
	}
	return parseRequirements(number, name, string(b))
}

func parseRequirements(number int, name, text string) (list []Requirement, wrong []string) {
	seen := make(map[string]bool)
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		r, problem := parseRequirement(number, line)
		if problem == "" && seen[r.ID] {
			problem = r.ID + " stands there twice"
		}
		if problem != "" {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s", name, n, problem))
			continue
		}
		seen[r.ID] = true
		list = append(list, r)
	}
	return list, wrong
}

func parseRequirement(number int, line string) (r Requirement, problem string) {
	f := strings.Split(line, " | ")
	if len(f) != 4 {
		return r, "not four fields"
	}
	r = Requirement{ID: f[0], Level: f[1], Text: f[2], State: f[3]}
	id := idForm.FindStringSubmatch(r.ID)
	kind, why, _ := strings.Cut(r.State, ": ")
	switch {
	case id == nil || id[1] != fmt.Sprint(number):
		return r, r.ID + " is no id of this file"
	case checkSection(number, id[2]) != "":
		return r, checkSection(number, id[2])
	case !slices.Contains(levels, r.Level):
		return r, r.Level + " is no level"
	case (kind == "todo" || kind == "done") && why == "":
		return r, ""
	case (kind == "declined" || kind == "later") && why != "":
		return r, ""
	}
	return r, r.State + " is no state"
}

var (
	mention  = regexp.MustCompile(`\[(\d{4,5}-[0-9A-Z][0-9A-Z.]*-\d+)\]`)
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
)

// mentions finds what test functions of the module say in brackets which
// requirement they show, in a comment before or within them or in the name of
// a case: id → "esc.TestRefresh". wrong lists mentions outside any test.
func mentions(root fs.FS) (shown map[string][]string, wrong []string, err error) {
	shown = make(map[string][]string)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go") || path.Dir(name) == "standards":
			return nil
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		wrong = append(wrong, mentionsIn(shown, name, string(b))...)
		return nil
	})
	for id, tests := range shown {
		slices.Sort(tests)
		shown[id] = slices.Compact(tests)
	}
	return shown, wrong, err
}

// mentionsIn reads one file. A function begins with the comment before it and
// reaches to the next closing brace in the first column.
func mentionsIn(shown map[string][]string, name, text string) (wrong []string) {
	var pending []string
	test := ""
	for line := range strings.Lines(text) {
		ids := mention.FindAllStringSubmatch(line, -1)
		if f := testFunc.FindStringSubmatch(line); f != nil {
			test = path.Dir(name) + "." + f[1]
			for _, id := range pending {
				shown[id] = append(shown[id], test)
			}
			pending = nil
		}
		for _, id := range ids {
			if test == "" {
				pending = append(pending, id[1])
			} else {
				shown[id[1]] = append(shown[id[1]], test)
			}
		}
		if strings.HasPrefix(line, "}") {
			test = ""
		}
		if comment := strings.HasPrefix(line, "//"); test == "" && !comment && len(pending) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %s is mentioned outside a test function", name, strings.Join(pending, ", ")))
			pending = nil
		}
	}
	return wrong
}

// checkRequirements joins requirements with the tests that mention them.
func checkRequirements(list []Requirement, shown map[string][]string) (wrong []string) {
	for i, r := range list {
		list[i].Tests = shown[r.ID]
		switch tests := len(shown[r.ID]) > 0; {
		case r.State == "done" && !tests:
			wrong = append(wrong, r.ID+" is done, and no test says ["+r.ID+"]")
		case r.State != "done" && tests:
			wrong = append(wrong, r.ID+" is "+r.State+", and "+shown[r.ID][0]+" shows it: say done")
		}
	}
	return wrong
}

// Requirements returns all requirements with their tests, and what is wrong
// with them.
func Requirements(root fs.FS) (list []Requirement, wrong []string, err error) {
	shown, wrong, err := mentions(root)
	if err != nil {
		return nil, nil, err
	}
	for _, number := range required {
		rs, bad := readRequirements(number)
		list, wrong = append(list, rs...), append(wrong, bad...)
	}
	wrong = append(wrong, checkRequirements(list, shown)...)
	for id, tests := range shown {
		if !slices.ContainsFunc(list, func(r Requirement) bool { return r.ID == id }) {
			wrong = append(wrong, tests[0]+" mentions "+id+", which no file in standards/require has")
		}
	}
	slices.Sort(wrong)
	return list, wrong, nil
}
