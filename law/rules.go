package law

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

type rule struct {
	name  string
	why   string
	check func(l Law, m *module, report func(where, what string))
}

// rules is all of the law. Each has a folder of its name in testdata that
// breaks it.
var rules = []rule{
	{"class", "a package without a place in the design has no law: name it in law/class.go", unclassed},
	{"imports", "design: stages don't know each other, edges meet in app only", imports},
	{"clock", "composition, policy and stages are handed the time, so that a test or a simulation can hold it", only(
		banned{"time", clockReaders, allBut("policy", "body/...", "event/...", "esc", "notifier", "registrar", "rls", "call", "record")})},
	{"sockets", "one place talks to the network: limits, addresses and shutdown are held there", only(
		banned{"net", sockets, []string{"sip/...", "app/...", "cmd/...", "control", "bench/...", "calendar"}}, // it looks at each address before it connects
		banned{"crypto/tls", sockets, []string{"sip/...", "app/...", "cmd/...", "control", "bench/..."}})},
	{"http", "HTTP has its own edges", only(
		banned{"net/http/...", nil, []string{"web/...", "xcap", "calendar", "metrics", "control", "app/...", "cmd/...", "sip/transaction"}})},
	{"websocket", "SIP over WebSocket begins with a request of HTTP, and is one more transport: the transaction layer has it", only(
		banned{"github.com/coder/websocket/...", nil, []string{"sip/transaction"}})},
	{"database", "what survives goes through the stores", only(
		banned{"database/sql/...", nil, []string{"store/..."}},
		banned{"github.com/cockroachdb/pebble/...", nil, []string{"store/..."}},
		banned{"modernc.org/sqlite/...", nil, []string{"store/..."}})},
	{"prometheus", "counters are plain; one package shows them", only(
		banned{"github.com/prometheus/...", nil, []string{"metrics"}})},
	{"dns", "names are looked up in one place, which caches and bounds it", only(
		banned{"github.com/miekg/dns/...", nil, []string{"sip/resolve/..."}})},
	{"foreign-sip", "another SIP stack is a witness in tests; the product's is its own", only(
		banned{"github.com/emiago/sipgo/...", nil, nil})},
	{"cgo", "what ships is built without a C compiler", only(banned{"C", nil, nil})},
	{"sleep", "a test that sleeps is slow and still wrong on a busy machine: use testing/synctest", sleeps},
	{"comment", "a reader learns first what a package is and what it leaves out", comments},
	{"name", "a package is named after a thing of the domain", names},
	{"file-length", "a file is about one thing", fileLengths},
	{"function-length", "a function is read at a glance", functionLengths},
	{"dependency", "each dependency is paid for: DEPENDENCIES.md says why and what would replace it", dependencies},
}

func unclassed(_ Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		if classOf(p.path) == nil {
			report(p.path, "the package has no class")
		}
	}
}

func imports(_ Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		c := classOf(p.path)
		if c == nil {
			continue
		}
		for f := range p.code {
			for _, i := range f.syntax.Imports {
				to, ours := strings.CutPrefix(importPath(i), m.name+"/")
				if ours && !fitsAny(to, c.may) {
					report(m.at(i.Pos()), fmt.Sprintf("%s (%s) imports %s: %s", p.path, c.name, to, c.why))
				}
			}
		}
	}
}

func importPath(i *ast.ImportSpec) string {
	s, _ := strconv.Unquote(i.Path.Value)
	return s
}

// banned is an import, or some of its names, that only a few may use.
type banned struct {
	path  string
	names func(string) bool // nil: the import itself
	where []string
}

// everywhereBut marks a list of packages as those that may not.
const everywhereBut = "!"

func allBut(packages ...string) []string { return append([]string{everywhereBut}, packages...) }

func (b banned) allows(pkg string) bool {
	if len(b.where) > 0 && b.where[0] == everywhereBut {
		return !fitsAny(pkg, b.where[1:])
	}
	return fitsAny(pkg, b.where)
}

// only is a check that what is banned is used by those alone who may, in code
// that is not a test.
func only(bans ...banned) func(Law, *module, func(where, what string)) {
	return func(_ Law, m *module, report func(where, what string)) {
		for _, p := range m.packages {
			for _, b := range bans {
				if b.allows(p.path) {
					continue
				}
				for f := range p.code {
					b.find(m, f, report)
				}
			}
		}
	}
}

func (b banned) find(m *module, f *file, report func(where, what string)) {
	for _, i := range f.syntax.Imports {
		switch p := importPath(i); {
		case !fits(p, b.path):
		case b.names == nil:
			report(m.at(i.Pos()), "imports "+p)
		default:
			for _, s := range uses(f, i, b.names) {
				report(m.at(s.Pos()), "uses "+p+"."+s.Sel.Name)
			}
		}
	}
}

// uses returns where a file uses those names of an import.
func uses(f *file, i *ast.ImportSpec, names func(string) bool) (found []*ast.SelectorExpr) {
	local := path.Base(importPath(i))
	if i.Name != nil {
		local = i.Name.Name
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local && names(s.Sel.Name) {
				found = append(found, s)
			}
		}
		return true
	})
	return found
}

func clockReaders(name string) bool {
	return slices.Contains([]string{
		"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker",
	}, name)
}

func sockets(name string) bool {
	for _, prefix := range []string{"Listen", "Dial", "Lookup", "Resolve", "DefaultResolver", "FileConn", "FileListener", "FilePacketConn"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// sleeps finds time.Sleep in tests. Inside a bubble of testing/synctest it
// moves the fake clock and takes no time.
func sleeps(_ Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		for _, f := range p.files {
			if !f.test || f.imports("testing/synctest") != nil {
				continue
			}
			if i := f.imports("time"); i != nil {
				for _, s := range uses(f, i, func(n string) bool { return n == "Sleep" }) {
					report(m.at(s.Pos()), "sleeps")
				}
			}
		}
	}
}

func (f *file) imports(path string) *ast.ImportSpec {
	for _, i := range f.syntax.Imports {
		if importPath(i) == path {
			return i
		}
	}
	return nil
}

func comments(_ Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		want, found, code := "", false, false
		for f := range p.code {
			code = true
			want = "Package " + f.syntax.Name.Name + " "
			if f.syntax.Name.Name == "main" {
				want = "Command " + path.Base(p.path) + " "
			}
			found = found || strings.HasPrefix(f.syntax.Doc.Text(), want)
		}
		if code && !found {
			report(p.path, "no comment begins with \""+want+"\"")
		}
	}
}

func names(_ Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		switch base := path.Base(p.path); base {
		case "util", "utils", "common", "types", "manager", "helper", "helpers", "base", "misc", "pkg", "lib":
			report(p.path, base+" says nothing")
		}
	}
}

func fileLengths(l Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		for f := range p.code {
			if !f.exempt && f.lines > l.FileLines {
				report(f.name, fmt.Sprintf("%d lines, more than %d", f.lines, l.FileLines))
			}
		}
	}
}

func functionLengths(l Law, m *module, report func(where, what string)) {
	for _, p := range m.packages {
		for f := range p.code {
			for _, d := range f.syntax.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || f.exempt || isTable(fn.Doc) {
					continue
				}
				lines := m.positions.Position(fn.End()).Line - m.positions.Position(fn.Pos()).Line + 1
				if lines > l.FunctionLines {
					report(m.at(fn.Pos()), fmt.Sprintf("%s has %d lines, more than %d", fn.Name.Name, lines, l.FunctionLines))
				}
			}
		}
	}
}

func dependencies(_ Law, m *module, report func(where, what string)) {
	for _, r := range m.requires {
		if !slices.ContainsFunc(strings.Split(m.dependencies, "\n"), func(line string) bool {
			_, rest, found := strings.Cut(line, "`")
			name, _, closed := strings.Cut(rest, "`")
			return found && closed && (name == r || strings.HasPrefix(r, name+"/"))
		}) {
			report("go.mod", r+" has no line in DEPENDENCIES.md")
		}
	}
}
