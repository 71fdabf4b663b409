package standards

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// A citation is "RFC 3903", "RFC 3261 §8.2", "RFC 3261 §8.2, §10.3" or
// "RFC 3903 erratum 1234".
var (
	anyRFC   = regexp.MustCompile(`\bRFCs?[- ]?\d+`)
	citation = regexp.MustCompile(`\bRFC (\d{3,5})\b((?: §` + section + `)?(?:(?:,| and| to) §` + section + `)*)`)
	inside   = regexp.MustCompile(`§(` + section + `)`)
	badShape = regexp.MustCompile(`\bRFC \d+,? \(?(?i:section|sec\.|chapter|clause)`)
)

const section = `[0-9A-Z]+(?:\.\d+)*`

// checkComment says what is wrong with the citations in one comment.
func checkComment(text string) (wrong []string) {
	text = strings.Join(strings.Fields(text), " ")
	if bad := badShape.FindString(text); bad != "" {
		wrong = append(wrong, fmt.Sprintf("%q: write RFC 3903 §6.1", bad))
	}
	for _, c := range citation.FindAllStringSubmatch(text, -1) {
		number, _ := strconv.Atoi(c[1])
		s, ok := find(number)
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("RFC %d is not in standards/index.go", number))
			continue
		case s.State == Obsoleted && !strings.Contains(text, "obsoleted"):
			wrong = append(wrong, fmt.Sprintf("RFC %d is obsoleted %s: cite that, or say so", number, s.Note))
		}
		for _, in := range inside.FindAllStringSubmatch(c[2], -1) {
			if problem := checkSection(number, in[1]); problem != "" {
				wrong = append(wrong, problem)
			}
		}
	}
	rest := citation.ReplaceAllString(text, "")
	if bad := anyRFC.FindString(rest); bad != "" {
		wrong = append(wrong, fmt.Sprintf("%q: write RFC 3903 §6.1", bad))
	}
	if strings.Contains(rest, "§") {
		wrong = append(wrong, "a section sign without its RFC before it")
	}
	return wrong
}

// Citations says what is wrong with the citations in the comments of all Go
// files.
func Citations(root fs.FS) (wrong []string, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, b, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, g := range file.Comments {
			for _, w := range checkComment(g.Text()) {
				wrong = append(wrong, fmt.Sprintf("%s: %s", set.Position(g.Pos()), w))
			}
		}
		return nil
	})
	return wrong, err
}
