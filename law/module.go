package law

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// module is a module's source as the rules see it.
type module struct {
	name         string
	requires     []string // direct ones and tools
	dependencies string   // DEPENDENCIES.md
	packages     []*pkg
	positions    *token.FileSet
}

// pkg is one folder of Go files.
type pkg struct {
	path  string // relative to the module
	files []*file
}

type file struct {
	name   string // relative to the module
	test   bool
	exempt bool // from measures: generated, or a table
	lines  int
	syntax *ast.File
}

func (m *module) at(p token.Pos) string {
	at := m.positions.Position(p)
	return at.Filename + ":" + strconv.Itoa(at.Line)
}

// code yields the files that are not tests.
func (p *pkg) code(yield func(*file) bool) {
	for _, f := range p.files {
		if !f.test && !yield(f) {
			return
		}
	}
}

func read(root fs.FS) (*module, error) {
	m := &module{name: "lamplight", positions: token.NewFileSet()}
	if b, err := fs.ReadFile(root, "go.mod"); err == nil {
		m.name, m.requires = readModFile(b)
	}
	if b, err := fs.ReadFile(root, "DEPENDENCIES.md"); err == nil {
		m.dependencies = string(b)
	}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignored(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return m.add(root, name)
	})
	return m, err
}

// ignored says what the go command ignores too.
func ignored(folder string) bool {
	return folder == "testdata" || folder == "vendor" || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "_")
}

func (m *module) add(root fs.FS, name string) error {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(m.positions, name, b, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f := &file{
		name:   name,
		test:   strings.HasSuffix(name, "_test.go"),
		exempt: ast.IsGenerated(syntax) || isTable(syntax.Doc),
		lines:  bytes.Count(b, []byte("\n")),
		syntax: syntax,
	}
	folder := path.Dir(name)
	i := slices.IndexFunc(m.packages, func(p *pkg) bool { return p.path == folder })
	if i < 0 {
		i = len(m.packages)
		m.packages = append(m.packages, &pkg{path: folder})
	}
	m.packages[i].files = append(m.packages[i].files, f)
	return nil
}

// isTable says whether a comment has the line //law:table, by which a file or
// a function says that it is long because it is a table.
func isTable(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return c.Text == "//law:table" })
}

var (
	moduleLine  = regexp.MustCompile(`(?m)^module\s+(\S+)`)
	blockLine   = regexp.MustCompile(`(?ms)^(require|tool) \(\n(.*?)^\)`)
	singleLine  = regexp.MustCompile(`(?m)^(?:require|tool)\s+([^\s(]\S*)(.*)$`)
	withinBlock = regexp.MustCompile(`(?m)^\s+(\S+)(.*)$`)
)

// readModFile returns the module's path, and what it requires directly or uses
// as a tool.
func readModFile(b []byte) (name string, requires []string) {
	if found := moduleLine.FindSubmatch(b); found != nil {
		name = string(found[1])
	}
	lines := singleLine.FindAllSubmatch(b, -1)
	for _, block := range blockLine.FindAllSubmatch(b, -1) {
		lines = append(lines, withinBlock.FindAllSubmatch(block[2], -1)...)
	}
	for _, l := range lines {
		if !bytes.Contains(l[2], []byte("// indirect")) {
			requires = append(requires, string(l[1]))
		}
	}
	return name, requires
}
