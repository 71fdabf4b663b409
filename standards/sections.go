package standards

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// A heading stands in the first column of an RFC's text.
var (
	heading  = regexp.MustCompile(`(?m)^(\d+(?:\.\d+)*)\.?[ ]+\S`)
	appendix = regexp.MustCompile(`(?m)^(?:Appendix |APPENDIX )?([A-Z](?:\.\d+)*)[.:]? +[A-Z]`)
)

// Sections lists the sections of each RFC of the index whose text is in texts,
// as sections.txt keeps them.
func Sections(texts fs.FS) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# The sections of each RFC: facts, so that citations are checked without the texts.\n")
	for _, s := range index {
		text, err := fs.ReadFile(texts, fmt.Sprintf("rfc%d.txt", s.Number))
		if err != nil {
			continue // its sections can't be cited
		}
		fmt.Fprintf(&b, "%d %s\n", s.Number, strings.Join(headings(text), " "))
	}
	return b.Bytes(), nil
}

func headings(text []byte) (found []string) {
	for _, form := range []*regexp.Regexp{heading, appendix} {
		for _, m := range form.FindAllSubmatch(text, -1) {
			if s := string(m[1]); !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
	}
	return found
}
