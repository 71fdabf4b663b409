package law

import (
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLaw applies the law to this module.
func TestLaw(t *testing.T) {
	t.Parallel()
	broken, err := Default.Check(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range broken {
		t.Error(v)
	}
}

// TestEachRuleBites shows every rule the folder of testdata that breaks it. A
// line with the comment "breaks RULE" must be reported, and no other; what has
// no line (a folder, go.mod) says so in its file BREAKS.
func TestEachRuleBites(t *testing.T) {
	t.Parallel()
	small := Law{FileLines: 20, FunctionLines: 5}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			root := os.DirFS("testdata/" + r.name)
			broken, err := small.Check(root)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range broken {
				got = append(got, v.Where+" "+v.Rule)
			}
			want := marks(t, root)
			if !slices.ContainsFunc(want, func(s string) bool { return strings.HasSuffix(s, " "+r.name) }) {
				t.Error("the fixture breaks nothing")
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("reported\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
}

// TestFixturesHaveRules finds folders that test no rule any more.
func TestFixturesHaveRules(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.name == e.Name() }) {
			t.Errorf("testdata/%s breaks no rule of that name", e.Name())
		}
	}
}

func marks(t *testing.T, root fs.FS) (want []string) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, name)
		if name == "BREAKS" {
			want = append(want, strings.Split(strings.TrimSpace(string(b)), "\n")...)
			return err
		}
		for i, line := range strings.Split(string(b), "\n") {
			if _, rule, ok := strings.Cut(line, "// breaks "); ok {
				want = append(want, name+":"+strconv.Itoa(i+1)+" "+rule)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	return want
}

func TestFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pkg, pattern string
		want         bool
	}{
		{"sip", "sip", true}, {"sip/ua", "sip", false}, {"sip", "sip/...", true}, {"sip/ua", "sip/...", true},
		{"sipgo", "sip/...", false}, {"event", "event/...", true}, {"anything/at/all", "...", true},
		{"net/http/httptest", "net/http/...", true}, {"net", "net/http/...", false},
	} {
		if got := fits(c.pkg, c.pattern); got != c.want {
			t.Errorf("fits(%q, %q) = %v", c.pkg, c.pattern, got)
		}
	}
}

// TestClasses holds those places of the design that a longer pattern decides.
func TestClasses(t *testing.T) {
	t.Parallel()
	for pkg, want := range map[string]string{
		"sip": "wire", "sip/internal/transport": "wire", "sip/ua": "edge",
		"event": "contract", "event/presence": "event package",
		"esc": "stage", "proxy": "stage", "store/hot": "edge", "store/cold": "edge", "cmd/lamplight": "command",
	} {
		if c := classOf(pkg); c == nil || c.name != want {
			t.Errorf("%s: class %v, want %s", pkg, c, want)
		}
	}
	if classOf("somewhere") != nil {
		t.Error("a package that nobody named has a class")
	}
}

func TestReadModFile(t *testing.T) {
	t.Parallel()
	name, requires := readModFile([]byte("module m\n\ngo 1.26\n\nrequire one.example/a v1.0.0\n\nrequire (\n\ttwo.example/b v1.0.0\n\tthree.example/c v1.0.0 // indirect\n)\n\ntool (\n\tfour.example/d/cmd\n)\ntool five.example/e\n"))
	if want := []string{"one.example/a", "five.example/e", "two.example/b", "four.example/d/cmd"}; name != "m" || !slices.Equal(requires, want) {
		t.Errorf("module %s requires %q, want %q", name, requires, want)
	}
}
